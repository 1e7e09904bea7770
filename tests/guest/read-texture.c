/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usage: read-texture FD WIDTH HEIGHT FOURCC STRIDE OFFSET MODIFIER >PIXELS
 *
 * What another program's client of Display1 does with a ScanoutDMABUF2: imports it into OpenGL on this
 * computer's graphics card, and reads it: rows of blue, green, red and 255, the first in memory first.
 */
#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODIFIER_INVALID UINT64_C(0x00ffffffffffffff)

static EGLint
number(const char *word)
{
    return (EGLint)strtol(word, NULL, 0);
}

static int
fail(const char *what)
{
    fprintf(stderr, "read-texture: %s: EGL 0x%x\n", what, (unsigned int)eglGetError());
    return 1;
}

static EGLDisplay
start(void)
{
    static const EGLint wanted[] = {EGL_CONTEXT_CLIENT_VERSION, 2, EGL_NONE};
    EGLDisplay display =
        eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);

    if (!eglInitialize(display, NULL, NULL) || !eglBindAPI(EGL_OPENGL_ES_API)) {
        return EGL_NO_DISPLAY;
    }
    EGLContext context = eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, wanted);
    return eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context) ? display
                                                                            : EGL_NO_DISPLAY;
}

static EGLImageKHR
import(EGLDisplay display, char **words)
{
    const uint64_t modifier = strtoull(words[6], NULL, 0);
    EGLint attributes[] = {EGL_WIDTH,
                           number(words[1]),
                           EGL_HEIGHT,
                           number(words[2]),
                           EGL_LINUX_DRM_FOURCC_EXT,
                           number(words[3]),
                           EGL_DMA_BUF_PLANE0_FD_EXT,
                           number(words[0]),
                           EGL_DMA_BUF_PLANE0_PITCH_EXT,
                           number(words[4]),
                           EGL_DMA_BUF_PLANE0_OFFSET_EXT,
                           number(words[5]),
                           modifier == MODIFIER_INVALID ? EGL_NONE
                                                        : EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT,
                           (EGLint)(uint32_t)modifier,
                           EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT,
                           (EGLint)(modifier >> 32),
                           EGL_NONE};

    return eglCreateImageKHR(display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, attributes);
}

int
main(int argc, char **argv)
{
    GLuint texture;
    GLuint framebuffer;

    if (argc != 8) {
        fprintf(stderr, "usage: read-texture FD WIDTH HEIGHT FOURCC STRIDE OFFSET MODIFIER\n");
        return 2;
    }
    const size_t width = (size_t)number(argv[2]);
    const size_t height = (size_t)number(argv[3]);
    EGLDisplay display = start();
    if (display == EGL_NO_DISPLAY) {
        return fail("no OpenGL");
    }
    fprintf(stderr, "read-texture: %s\n", (const char *)glGetString(GL_RENDERER));
    EGLImageKHR image = import(display, argv + 1);
    if (image == EGL_NO_IMAGE_KHR) {
        return fail("it cannot be imported");
    }
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glEGLImageTargetTexture2DOES(GL_TEXTURE_2D, image);
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE) {
        return fail("it cannot be read");
    }
    uint8_t *pixels = calloc(width * height, 4);
    if (!pixels) {
        return fail("no memory");
    }
    glReadPixels(0, 0, (GLsizei)width, (GLsizei)height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
    for (size_t i = 0; i < width * height * 4; i += 4) {
        const uint8_t red = pixels[i];

        pixels[i] = pixels[i + 2];
        pixels[i + 2] = red;
        pixels[i + 3] = UINT8_MAX;
    }
    const bool written = fwrite(pixels, 4, width * height, stdout) == width * height;
    free(pixels);
    return written ? 0 : 1;
}
