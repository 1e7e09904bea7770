/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: cube WIDTH HEIGHT FRAMES
 *
 * The client of a benchmark: a lit, turning cube with a texture that changes, drawn by GLES 2 without a
 * window, each frame read back. Which driver draws it is the environment's matter.
 */
#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EDGE_MAX = 1024,
    TEXTURE_EDGE = 32,
    FACES = 6,
    CORNERS = 6, /* of a face's two triangles */
};

static const char vertex_text[] =
    "attribute vec3 place; attribute vec3 normal; uniform float turn; varying vec2 at; varying "
    "float light;"
    "void main() { float c = cos(turn); float s = sin(turn);"
    "  mat3 y = mat3(c, 0., s, 0., 1., 0., -s, 0., c); mat3 x = mat3(1., 0., 0., 0., c, s, 0., -s, "
    "c);"
    "  vec3 p = y * x * place; vec3 n = y * x * normal;"
    "  light = 0.3 + 0.7 * max(n.z, 0.0); at = place.xy + place.z;"
    "  gl_Position = vec4(p.xy * 0.7, -p.z * 0.4, 1.5 - p.z * 0.4); }";
static const char fragment_text[] =
    "precision mediump float; uniform sampler2D skin; varying vec2 at; varying float light;"
    "void main() { gl_FragColor = vec4(texture2D(skin, at).rgb * light, 1.0); }";

static void
fail(const char *what)
{
    fprintf(stderr, "cube: %s does not work (EGL 0x%x)\n", what, eglGetError());
    exit(1);
}

static void
open_driver(int width, int height)
{
    static const EGLint wanted[] = {EGL_SURFACE_TYPE,
                                    EGL_PBUFFER_BIT,
                                    EGL_RENDERABLE_TYPE,
                                    EGL_OPENGL_ES2_BIT,
                                    EGL_RED_SIZE,
                                    8,
                                    EGL_GREEN_SIZE,
                                    8,
                                    EGL_ALPHA_SIZE,
                                    8,
                                    EGL_BLUE_SIZE,
                                    8,
                                    EGL_DEPTH_SIZE,
                                    16,
                                    EGL_NONE};
    static const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 2, EGL_NONE};
    const EGLint size[] = {EGL_WIDTH, width, EGL_HEIGHT, height, EGL_NONE};
    EGLDisplay display =
        eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    EGLConfig config;
    EGLint n = 0;

    if (!eglInitialize(display, NULL, NULL) || !eglBindAPI(EGL_OPENGL_ES_API) ||
        !eglChooseConfig(display, wanted, &config, 1, &n) || n != 1) {
        fail("EGL");
    }
    EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
    EGLSurface surface = eglCreatePbufferSurface(display, config, size);
    if (!eglMakeCurrent(display, surface, surface, context)) {
        fail("a context");
    }
    fprintf(stderr, "cube: %s\n", (const char *)glGetString(GL_RENDERER));
}

static GLuint
compile(GLenum kind, const char *text)
{
    GLuint shader = glCreateShader(kind);
    GLint good = 0;

    glShaderSource(shader, 1, &text, NULL);
    glCompileShader(shader);
    glGetShaderiv(shader, GL_COMPILE_STATUS, &good);
    if (!good) {
        fail("a shader");
    }
    return shader;
}

static GLuint
make_program(void)
{
    GLuint program = glCreateProgram();

    glAttachShader(program, compile(GL_VERTEX_SHADER, vertex_text));
    glAttachShader(program, compile(GL_FRAGMENT_SHADER, fragment_text));
    glBindAttribLocation(program, 0, "place");
    glBindAttribLocation(program, 1, "normal");
    glLinkProgram(program);
    glUseProgram(program);
    return program;
}

static void
make_cube(void)
{
    static const int corner[CORNERS][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, -1}, {1, 1}, {-1, 1}};
    static GLfloat data[FACES * CORNERS][2][3];
    GLuint buffer;

    for (int i = 0; i < FACES * CORNERS; i++) {
        const int face = i / CORNERS;
        const int axis = face / 2;
        const int side = face % 2 ? -1 : 1;

        data[i][0][axis] = data[i][1][axis] = (GLfloat)side;
        data[i][0][(axis + 1) % 3] = (GLfloat)corner[i % CORNERS][0];
        data[i][0][(axis + 2) % 3] = (GLfloat)(side * corner[i % CORNERS][1]);
    }
    glGenBuffers(1, &buffer);
    glBindBuffer(GL_ARRAY_BUFFER, buffer);
    glBufferData(GL_ARRAY_BUFFER, sizeof(data), data, GL_STATIC_DRAW);
    for (GLuint i = 0; i < 2; i++) {
        glVertexAttribPointer(i, 3, GL_FLOAT, GL_FALSE, sizeof(data[0]),
                              (const char *)NULL + i * sizeof(data[0][0]));
        glEnableVertexAttribArray(i);
    }
}

static void
change_skin(int frame)
{
    static uint32_t pixels[TEXTURE_EDGE][TEXTURE_EDGE];

    for (int y = 0; y < TEXTURE_EDGE; y++) {
        for (int x = 0; x < TEXTURE_EDGE; x++) {
            pixels[y][x] = ((x + frame) / 4 + y / 4) % 2 ? 0xff40c0ff : 0xffff8020;
        }
    }
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, TEXTURE_EDGE, TEXTURE_EDGE, GL_RGBA, GL_UNSIGNED_BYTE,
                    pixels);
}

int
main(int argc, char **argv)
{
    const int width = argc == 4 ? (int)strtol(argv[1], NULL, 10) : 0;
    const int height = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
    const int frames = argc == 4 ? (int)strtol(argv[3], NULL, 10) : 0;
    static uint32_t pixels[EDGE_MAX * EDGE_MAX];
    GLuint skin;

    if (width <= 0 || height <= 0 || width > EDGE_MAX || height > EDGE_MAX) {
        fprintf(stderr, "usage: cube WIDTH HEIGHT FRAMES\n");
        return 64;
    }
    open_driver(width, height);
    GLint turn = glGetUniformLocation(make_program(), "turn");
    make_cube();
    glGenTextures(1, &skin);
    glBindTexture(GL_TEXTURE_2D, skin);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, TEXTURE_EDGE, TEXTURE_EDGE, 0, GL_RGBA,
                 GL_UNSIGNED_BYTE, NULL);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glEnable(GL_DEPTH_TEST);
    glViewport(0, 0, width, height);
    for (int i = 0; i < frames; i++) {
        change_skin(i);
        glUniform1f(turn, 0.05F * (GLfloat)i);
        glClearColor(0.2F, 0.2F, 0.3F, 1);
        glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
        glDrawArrays(GL_TRIANGLES, 0, FACES * CORNERS);
        glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    }
    printf("%08x\n", pixels[(size_t)height / 2 * (size_t)width + (size_t)width / 2]);
    return glGetError() == GL_NO_ERROR ? 0 : 1;
}
