/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/base/bytes.h"
#include "vmm/config/device-keys.h"
#include "vmm/config/machine-config.h"

static const char *const gpu_backends[] = {"auto", "2d", "virglrenderer", NULL};
static const char *const gpu_faults[] = {
    "none",         "probe", "start",          "submit", "late-fence", "no-memory",
    "lost-command", "node",  "venus-unproved", "crash",  "hang",       NULL}; /* enum gpu_fault */
static const struct config_refusal refused_gpu_backends[] = {
    {"gfxstream", "the renderer of Android is not used"},
    {"stub", "it shows nothing; leave --gpu out"},
    {NULL, NULL},
};

static const char *const context_types[] = {"virgl", "virgl2", "cross-domain", "venus",
                                            NULL}; /* enum gpu_context_type */
static const struct config_refusal refused_context_types[] = {
    {"drm", "native contexts do not work yet"},
    {"gfxstream-vulkan", "the renderer of Android is not used"},
    {"gfxstream-gles", "the renderer of Android is not used"},
    {"gfxstream-composer", "the renderer of Android is not used"},
    {"gfxstream-magma", "the renderer of Android is not used"},
    {NULL, NULL},
};

static const char *const screen_modes[] = {"windowed", NULL};
static const struct config_refusal refused_screen_modes[] = {
    {"borderless_full_screen", "the display client decides what fills the host's screen"},
    {NULL, NULL},
};
static const struct config_key screen_keys[] = {
    {.name = "mode",
     .value = "windowed[W,H]",
     .type = CONFIG_PAIR,
     .choices = screen_modes,
     .refused_choices = refused_screen_modes,
     .minimum = 320,
     .maximum = 16384,
     .required = true,
     .offset = IN(screen_config, size),
     .help = "First mode of this screen."},
    {.name = "dpi",
     .value = "[H,V]",
     .type = CONFIG_TWO,
     .minimum = 30,
     .maximum = 1200,
     .preset = "[96,96]",
     .offset = IN(screen_config, dpi),
     .help = "Pixels per inch, across and down: how large the guest takes this screen to be."},
    REFUSED_KEY("hidden", "a screen that nobody looks at costs nothing"),
    REFUSED_KEY("refresh-rate", "display clients say how fast they are"),
};

/* How many, at least one. */
#define COUNT_KEY(key_name, field, most, usual, text)                                             \
    {                                                                                             \
        .name = (key_name), .value = "N", .type = CONFIG_NUMBER, .minimum = 1, .maximum = (most), \
        .preset = (usual), .offset = IN(gpu_config, field), .help = (text)                        \
    }

const struct config_key config_gpu_keys[] = {
    {.name = "backend",
     .value = "NAME",
     .type = CONFIG_CHOICE,
     .choices = gpu_backends,
     .refused_choices = refused_gpu_backends,
     .preset = "auto",
     .offset = IN(gpu_config, backend),
     .help = "2d; virglrenderer: 3D, by the processor where no render node works; auto: likewise "
             "with a render node, else 2d."},
    {.name = "fault",
     .value = "WHERE",
     .type = CONFIG_CHOICE,
     .choices = gpu_faults,
     .preset = "none",
     .offset = IN(gpu_config, fault),
     .help =
         "For tests: have 3D crash at its probe, that on a render node (node), start or first "
         "submit; or have fences end up to "
         "100 ms late, new resources find no memory, or drawing commands get lost, as often as "
         "fault-every says; venus-unproved offers Vulkan whose memory cannot be shared; crash and "
         "hang have the graphics card crash or stand still at a drawing command, as often as "
         "fault-every says."},
    COUNT_KEY("fault-every", fault_every, 1000000, "16",
              "Every Nth fence, resource or command has the fault."),
    {.name = "hang-limit",
     .value = "SECONDS",
     .type = CONFIG_NUMBER,
     .minimum = 0,
     .maximum = 3600,
     .preset = "30",
     .offset = IN(gpu_config, hang_limit),
     .help = "A card that answers nobody for so long is ended and started again, as one that "
             "crashed; four times that where the processor draws in 3D. Not one that is being "
             "debugged. 0: never."},
    {.name = "record",
     .value = "PATH",
     .type = CONFIG_STRING,
     .offset = IN(gpu_config, record),
     .help = "Write down all that the guest asks of the card, what it draws included, for `vmm gpu "
             "replay PATH`; the file is made anew."},
    {.name = "width",
     .value = "PIXELS",
     .type = CONFIG_NUMBER,
     .minimum = 320,
     .maximum = 16384,
     .preset = "1280",
     .offset = IN(gpu_config, width),
     .help = "Width of the first mode."},
    {.name = "height",
     .value = "PIXELS",
     .type = CONFIG_NUMBER,
     .minimum = 200,
     .maximum = 16384,
     .preset = "1024",
     .offset = IN(gpu_config, height),
     .help = "Height of the first mode."},
    COUNT_KEY(
        "max-num-displays", displays, 16, "16",
        "Most screens there may be at once, those that `vmm gpu add-displays` adds included."),
    {.name = "displays",
     .value = "[[mode=windowed[W,H]],...]",
     .type = CONFIG_GROUPS,
     .maximum = CONFIG_SCREENS_MAX,
     .keys = screen_keys,
     .n_keys = ARRAY_SIZE(screen_keys),
     .element_size = sizeof(struct screen_config),
     .offset = IN(gpu_config, screen),
     .count_offset = IN(gpu_config, n_screen),
     .help = "The screens that are there at first, one by one, in place of width and height."},
    {.name = "context-types",
     .old = "context_types",
     .value = "[NAME,...]",
     .type = CONFIG_SET,
     .choices = context_types,
     .refused_choices = refused_context_types,
     .offset = IN(gpu_config, context_types),
     .help =
         "Kinds of contexts that the guest may make; virgl, virgl2 or venus (Vulkan) want 3D as "
         "backend=virglrenderer does, and of these three only those that are named are there; "
         "cross-domain (windows on this desktop) needs "
         "--wayland-sock."},
    COUNT_KEY("vulkan-contexts", vulkan_contexts, 256, "16",
              "Most Vulkan contexts at once; each program of the guest that uses Vulkan has one or "
              "more. Each may take 4 GiB of this computer's memory."),
    IGNORED_FLAG("egl", "the renderer finds its own way to the graphics card"),
    IGNORED_FLAG("gles", "the renderer finds its own way to the graphics card"),
    IGNORED_FLAG("glx", "the renderer finds its own way to the graphics card"),
    IGNORED_FLAG("surfaceless", "the renderer finds its own way to the graphics card"),
    REFUSED_KEY("vulkan", "Vulkan is a context type: context-types=venus"),
    REFUSED_KEY("udmabuf", "guest memory is not handed to the host's graphics card"),
    REFUSED_KEY("wsi", "a machine opens no window by itself"),
    REFUSED_KEY("cache-path", "shaders are not kept between runs"),
    REFUSED_KEY("cache-size", "shaders are not kept between runs"),
    REFUSED_KEY("horizontal-dpi", "each screen has its own: displays=[[mode=...,dpi=[H,V]]]"),
    REFUSED_KEY("vertical-dpi", "each screen has its own: displays=[[mode=...,dpi=[H,V]]]"),
    REFUSED_KEY("pci-address", "devices get the next free address"),
    REFUSED_KEY("pci-bar-size", "the size of the window for host memory is fixed"),
    REFUSED_KEY("implicit-render-server", "renderers need no program of yours"),
    REFUSED_KEY("fixed-blob-mapping", "host memory is mapped where it is asked for"),
};
