/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The display page on a Wayland compositor that draws on a graphics card: what is on the screen, pixel by pixel.
 * $TEST_DMABUF says where the dmabufs come from:
 *
 * "card"      buffers and textures of the same card, whose memory holds another picture than the card itself has
 *             (card-buffers.h).
 * "udmabuf"   memory that this compositor's card cannot show.
 */

#include <string.h>
#include <sys/stat.h>

#include "tests/ui/card-buffers.h"
#include "tests/ui/console-told.h"
#include "tests/ui/shown-page.h"

enum {
    CARD_WIDTH = 256,
    CARD_HEIGHT = 192,
    SWAPPED_HEIGHT = 160, /* of those with red and blue exchanged: on-card.py knows them by it */
    NO_CARD = 1 << 8 | 5, /* a number of a device that each computer has */
};

typedef struct {
    Shown shown; /* first: what works on that works on this */
    CardBuffers *card;
    CardPicture picture;
    GPtrArray *pixels; /* of all pictures */
} Fixture;

/* The guest */

static guint32 *
make_pixels(Fixture *self, guint width, guint height, guint seed)
{
    guint32 *pixels = g_new(guint32, (gsize)width * height);

    for (guint y = 0; y < height; y++) {
        for (guint x = 0; x < width; x++) {
            pixels[y * width + x] = shown_noise(x, y, seed);
        }
    }
    g_ptr_array_add(self->pixels, pixels);
    return pixels;
}

static void
expect(Fixture *self, guint32 *pixels)
{
    self->shown.pixels = pixels;
    self->picture.pixels = pixels;
    self->shown.width = self->picture.width;
    self->shown.height = self->picture.height;
}

/* What the card drew, in a new buffer. */
static void
show(Fixture *self, CardKind kind)
{
    const guint id = ++self->shown.buffers;
    const guint height = kind == CARD_SWAPPED ? SWAPPED_HEIGHT : CARD_HEIGHT;
    guint32 *pixels = make_pixels(self, CARD_WIDTH, height, id);

    self->picture = (CardPicture){.width = CARD_WIDTH, .height = height, .kind = kind};
    expect(self, pixels);
    card_buffers_show(self->card, id, &self->picture);
    rig_gpu_update(self->shown.rig, 0, 0, CARD_WIDTH, height);
}

/* Other pixels in a part of it; nobody is told of other parts. */
static void
update(Fixture *self, guint id, const GdkRectangle *area, guint seed)
{
    for (int y = area->y; y < area->y + area->height; y++) {
        for (int x = area->x; x < area->x + area->width; x++) {
            self->shown.pixels[y * CARD_WIDTH + x] = shown_noise((guint)x, (guint)y, seed);
        }
    }
    card_buffers_draw(self->card, id, &self->picture);
    rig_gpu_update(self->shown.rig, (guint)area->x, (guint)area->y, (guint)area->width,
                   (guint)area->height);
}

static void
update_parts(Fixture *self, guint id, guint seed)
{
    for (int i = 0; i < 3; i++) {
        update(self, id, &(GdkRectangle){50 * i, 40 * i, 30, 20}, seed + (guint)i);
        rig_wait(shown_is_exact(&self->shown));
    }
}

static VmConsole *
get_console(Fixture *self)
{
    GListModel *consoles = vm_connection_get_consoles(self->shown.connection);
    VmConsole *console = g_list_model_get_item(consoles, 0);

    g_object_unref(console); /* the list has one */
    return console;
}

static gboolean
has_texture(Fixture *self)
{
    VmTexture texture;

    return vm_console_get_texture(get_console(self), &texture);
}

/* Of the machine's memory, as it is without a card. */
static void
show_memory(Fixture *self, guint seed)
{
    shown_show(&self->shown, WIDTH, HEIGHT, seed);
    rig_wait(shown_is_exact(&self->shown));
}

static dev_t
number_of(const char *node)
{
    struct stat st;

    g_assert_cmpint(stat(node, &st), ==, 0);
    return st.st_rdev;
}

static void
draw_with(Fixture *self, dev_t card)
{
    self->shown.rig->render_device = card;
    rig_set_state(self->shown.rig, DISPLAY_VM_RUNNING, 0, "", "");
    rig_wait(vm_connection_get_render_device(self->shown.connection) == card);
}

/* The compositor that is there. */
static TestCompositor *
get_compositor(void)
{
    static TestCompositor compositor = {.control = -1};

    compositor.folder = (char *)g_getenv("XDG_RUNTIME_DIR");
    return &compositor;
}

static void
set_up(Fixture *self, gconstpointer data)
{
    const char *node = g_getenv("TEST_NODE");

    console_told = (ConsoleTold){.takes = FALSE};
    self->pixels = g_ptr_array_new_with_free_func(g_free);
    shown_set_up(&self->shown, get_compositor());
    rig_wait(gtk_widget_get_scale_factor(self->shown.window) == (int)self->shown.scale);
    rig_wait(shown_is_exact(&self->shown));
    if (strcmp(g_getenv("TEST_DMABUF"), "card") == 0) {
        self->card = card_buffers_new(self->shown.rig, node);
        draw_with(self, number_of(node));
    }
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    shown_tear_down(&self->shown, get_compositor());
    card_buffers_free(self->card);
    g_ptr_array_unref(self->pixels);
}

/* Tests */

static void
test_buffers(Fixture *self, gconstpointer data)
{
    show(self, CARD_NO_TEXTURE);
    rig_wait(shown_is_exact(&self->shown));
    g_assert_true(console_told.takes && console_told.paced);
    const guint64 copied = shown_n_copied(&self->shown);
    update_parts(self, self->shown.buffers, 100);
    g_assert_cmpuint(shown_n_copied(&self->shown), ==, copied);
    show_memory(self, 110);
}

/* A guest that flips between two pictures, and draws into them. */
static void
check_flip(Fixture *self, CardKind kind)
{
    guint32 *pixels[2];
    const guint first = self->shown.buffers + 1;

    for (guint i = 0; i < 2; i++) {
        show(self, kind);
        pixels[i] = self->shown.pixels;
        rig_wait(shown_is_exact(&self->shown));
    }
    for (guint i = 0; i < 6; i++) {
        const guint id = first + i % 2;

        expect(self, pixels[i % 2]);
        rig_gpu_scanout(self->shown.rig, id, 0, CARD_WIDTH, CARD_HEIGHT);
        update(self, id, &(GdkRectangle){100, 50, 30, 20}, 120 + i);
        rig_wait(shown_is_exact(&self->shown));
    }
}

static void
test_flip(Fixture *self, gconstpointer data)
{
    check_flip(self, CARD_NO_TEXTURE);
    rig_wait(console_told.textures == VM_TEXTURES_FULL_LENGTH);
    check_flip(self, CARD_PLAIN);
    g_assert_true(has_texture(self));
}

static void
test_texture(Fixture *self, gconstpointer data)
{
    VmPicture picture;

    rig_wait(console_told.textures == VM_TEXTURES_FULL_LENGTH);
    show(self, (CardKind)GPOINTER_TO_INT(data));
    rig_wait(has_texture(self) && shown_is_exact(&self->shown));
    g_assert_true(vm_console_get_picture(get_console(self), &picture) && !picture.pixels);
    const guint64 copied = shown_n_copied(&self->shown);
    update_parts(self, self->shown.buffers, 130);
    g_assert_cmpuint(shown_n_copied(&self->shown), ==, copied);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_FULL_LENGTH);
    g_assert_true(console_told.paced);
    show_memory(self, 140);
}

/* sway takes none: pixels are wanted at once, and dmabufs still. */
static void
test_bottom_up(Fixture *self, gconstpointer data)
{

    rig_wait(console_told.textures == VM_TEXTURES_FULL_LENGTH);
    show(self, CARD_BOTTOM_UP);
    rig_wait(console_told.textures == VM_TEXTURES_NONE);
    show_memory(self, 150);
    show(self, CARD_NO_TEXTURE);
    rig_wait(shown_is_exact(&self->shown));
    g_assert_true(console_told.takes);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_NONE);
}

/* The machine hears when the compositor has shown its picture. */
static void
test_paced(Fixture *self, gconstpointer data)
{
    VmConsole *console = get_console(self);

    rig_wait(console_told.textures == VM_TEXTURES_FULL_LENGTH);
    show(self, (CardKind)GPOINTER_TO_INT(data));
    rig_wait(shown_is_exact(&self->shown));
    g_assert_true(console_told.paced);
    rig_wait(console_told.presented == vm_console_get_serial(console));
    for (int i = 0; i < 5; i++) {
        const guint64 before = vm_console_get_serial(console);
        g_assert_cmpuint(console_told.presented, ==, before);
        update(self, self->shown.buffers, &(GdkRectangle){20 * i, 20 * i, 30, 20}, 160 + (guint)i);
        rig_wait(vm_console_get_serial(console) > before);
        rig_wait(console_told.presented == vm_console_get_serial(console));
        rig_wait(shown_is_exact(&self->shown));
    }
}

/* sway tells its card by one of the numbers that it has; of another one only what each can read is taken. */
static void
test_which_card(Fixture *self, gconstpointer data)
{

    rig_wait(console_told.textures == VM_TEXTURES_FULL_LENGTH);
    draw_with(self, NO_CARD);
    rig_wait(console_told.textures == VM_TEXTURES_LINEAR);
    draw_with(self, number_of("/dev/dri/card0"));
    rig_wait(console_told.textures == VM_TEXTURES_FULL_LENGTH);
    show(self, CARD_PLAIN);
    rig_wait(has_texture(self) && shown_is_exact(&self->shown));
}

/* The compositor says no, or its card does: the same picture is shown by a copy of the memory that all share. */
static void
test_refused(Fixture *self, gconstpointer data)
{
    rig_wait(!console_told.takes);
    rig_wait(shown_is_exact(&self->shown));
    shown_update(&self->shown, 300, 200, 170);
    rig_wait(shown_is_exact(&self->shown));
    shown_show(&self->shown, WIDTH, HEIGHT - 32, 171);
    rig_wait(shown_is_exact(&self->shown));
    g_assert_false(console_told.takes);
}

#define ADD(name, data, function) \
    g_test_add("/wayland-card/" name, Fixture, data, set_up, function, tear_down)

static void
add_tests(void)
{
    ADD("buffers", NULL, test_buffers);
    ADD("flip", NULL, test_flip);
    ADD("part", GINT_TO_POINTER(CARD_PART), test_texture);
    if (strcmp(g_getenv("TEST_SCALE"), "1") != 0) {
        return; /* the others do not depend on it */
    }
    ADD("plain", GINT_TO_POINTER(CARD_PLAIN), test_texture);
    ADD("swapped", GINT_TO_POINTER(CARD_SWAPPED), test_texture);
    ADD("bottom-up", NULL, test_bottom_up);
    ADD("paced", GINT_TO_POINTER(CARD_NO_TEXTURE), test_paced);
    ADD("paced-texture", GINT_TO_POINTER(CARD_PLAIN), test_paced);
    ADD("which-card", NULL, test_which_card);
}

int
main(int argc, char **argv)
{
    gtk_test_init(&argc, &argv, NULL);
    if (strcmp(g_getenv("TEST_DMABUF"), "udmabuf") == 0) {
        ADD("refused", NULL, test_refused);
    } else {
        add_tests();
    }
    return g_test_run();
}
