/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The display page on an X server that takes the guest's picture as a dmabuf, or refuses it: what is on
 * the screen, pixel by pixel. $TEST_DMABUF says where the dmabufs come from:
 *
 * "stand-in"  nowhere: pixmaps that this program fills stand for imported memory files. They show all
 *             colours inverted, so that it is seen what was drawn from them.
 * "none"      the server is taken as it is, and has no DRI3.
 *             Textures, too: memory that is said to be one, and copies that this program makes.
 * "card"      buffers of a graphics card, whose memory holds another picture than the card itself has.
 *             Textures are such buffers of other kinds.
 * "udmabuf"   memory that this server's card cannot show.
 */

#include "tests/display/rig.h"
#include "tests/ui/card-buffers.h"
#include "tests/ui/console-told.h"
#include "tests/ui/page-window.h"
#include "tests/ui/x11-stand-in.h"
#include "ui/display-page.h"
#include "ui/picture-pace.h"
#include "vmm/client/vm-connection.h"

enum {
    WIDTH = 256,
    HEIGHT = 192,
    INVERTED = 0xffffff,
    ABOVE = 0xf000f0, /* the colour of what is drawn over the picture */
};

typedef struct {
    Rig *rig;
    VmConnection *connection;
    GtkWidget *window;
    VmDisplayPage *page;
    guint32 *pixels; /* the picture as it should be on the screen, but for `flip` */
    guint32 flip;
    guint width;
    guint height;
    guint buffers;
    CardKind kind;     /* of what is shown */
    CardBuffers *card; /* NULL: none is used */
} Fixture;

/* The guest */

static guint32
noise(guint x, guint y, guint seed)
{
    guint32 value = (x * 73856093U) ^ (y * 19349663U) ^ (seed * 83492791U);

    value ^= value >> 13;
    value *= 0x5bd1e995;
    return (value ^ value >> 15) & 0xffffff;
}

static void
fill(guint32 *pixels, guint width, guint height, guint seed)
{
    for (guint y = 0; y < height; y++) {
        for (guint x = 0; x < width; x++) {
            pixels[y * width + x] = noise(x, y, seed);
        }
    }
}

static CardPicture
picture_of(const Fixture *self)
{
    return (CardPicture){self->pixels, self->width, self->height, self->kind};
}

/* A picture of the card's in a new buffer. */
static void
show_on_card(Fixture *self)
{
    CardPicture picture;

    self->pixels = g_realloc(self->pixels, (gsize)self->width * self->height * 4);
    fill(self->pixels, self->width, self->height, self->buffers);
    picture = picture_of(self);
    card_buffers_show(self->card, self->buffers, &picture);
}

static void
show(Fixture *self, guint width, guint height)
{
    self->width = width;
    self->height = height;
    self->kind = CARD_NO_TEXTURE;
    self->buffers++;
    if (self->card) {
        show_on_card(self);
    } else {
        self->pixels = rig_gpu_show(self->rig, self->buffers, width, height);
        fill(self->pixels, width, height, self->buffers);
    }
    rig_gpu_update(self->rig, 0, 0, width, height);
}

/* The picture as what the guest drew on a card. */
static void
show_texture(Fixture *self, CardKind kind)
{
    if (!self->card) {
        x11_seen.kind = kind;
        show(self, WIDTH, HEIGHT);
        return;
    }
    self->width = WIDTH;
    self->height = HEIGHT;
    self->kind = kind;
    self->buffers++;
    show_on_card(self);
    rig_gpu_update(self->rig, 0, 0, WIDTH, HEIGHT);
}

/* New pixels in the picture that is shown. */
static void
update(Fixture *self, guint x, guint y, guint seed)
{
    for (guint row = y; row < y + 20; row++) {
        for (guint column = x; column < x + 30; column++) {
            self->pixels[row * self->width + column] = noise(column, row, seed);
        }
    }
    if (self->card) {
        const CardPicture picture = picture_of(self);

        card_buffers_draw(self->card, self->buffers, &picture);
    }
    x11_fill_stand_ins();
    rig_gpu_update(self->rig, x, y, 30, 20);
}

/* The screen */

static guint32
pixel_of(const GdkPixbuf *shot, guint x, guint y)
{
    const guchar *at = gdk_pixbuf_read_pixels(shot) +
                       (gsize)y * (gsize)gdk_pixbuf_get_rowstride(shot) +
                       (gsize)x * (gsize)gdk_pixbuf_get_n_channels(shot);

    return (guint32)at[0] << 16 | (guint32)at[1] << 8 | at[2];
}

static GdkPixbuf *
take_shot(Fixture *self)
{
    GdkWindow *window = gtk_widget_get_window(self->window);

    return gdk_pixbuf_get_from_window(window, 0, 0, gdk_window_get_width(window),
                                      gdk_window_get_height(window));
}

static gboolean
matches(const Fixture *self, const GdkPixbuf *shot, const guint at[2], guint expand)
{
    for (guint y = 0; y < self->height * expand; y++) {
        for (guint x = 0; x < self->width * expand; x++) {
            guint32 wanted = self->pixels[y / expand * self->width + x / expand] & 0xffffff;
            if (pixel_of(shot, at[0] + x, at[1] + y) != (wanted ^ self->flip)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

/* Somewhere in the window, each pixel `expand` times as it is. */
static gboolean
is_shown(Fixture *self, guint expand)
{
    g_autoptr(GdkPixbuf) shot = NULL;
    guint width;
    guint height;
    gboolean found = FALSE;

    rig_run(20);
    shot = take_shot(self);
    width = (guint)gdk_pixbuf_get_width(shot);
    height = (guint)gdk_pixbuf_get_height(shot);
    for (guint y = 0; !found && y + self->height * expand <= height; y++) {
        for (guint x = 0; !found && x + self->width * expand <= width; x++) {
            found = matches(self, shot, (guint[]){x, y}, expand);
        }
    }
    return found;
}

static void
set_up(Fixture *self, gconstpointer data)
{
    x11_forget();
    x11_seen.refuse = GPOINTER_TO_INT(data);
    self->flip = x11_is_mode("stand-in") ? INVERTED : 0;
    self->rig = rig_new();
    if (x11_is_mode("card")) {
        self->card = card_buffers_new(self->rig, g_getenv("TEST_NODE"));
    }
    self->rig->makes_dmabufs = x11_is_mode("udmabuf");
    rig_gpu_hello(self->rig, 1);
    show(self, WIDTH, HEIGHT);
    self->page = page_window_open(self->rig, 620, 460, &self->connection);
    self->window = gtk_widget_get_toplevel(GTK_WIDGET(self->page));
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    gtk_widget_destroy(self->window);
    vm_connection_close(self->connection);
    g_clear_object(&self->connection);
    rig_free(self->rig);
    card_buffers_free(self->card);
}

/* Tests */

static void
test_imported(Fixture *self, gconstpointer data)
{
    rig_wait(is_shown(self, 1));
    g_assert_true(console_told.takes);
    for (guint i = 0; i < 4; i++) {
        update(self, 40 * i, 30 * i, 100 + i);
        rig_wait(is_shown(self, 1));
    }
    g_assert_cmpuint(x11_seen.asked, ==, 1);
}

/* A guest that flips between two pictures: each is imported once. */
static void
test_flip(Fixture *self, gconstpointer data)
{
    guint32 *pixels[2] = {self->pixels};
    guint first = self->buffers;

    rig_wait(is_shown(self, 1));
    show(self, WIDTH, HEIGHT);
    pixels[1] = self->pixels;
    rig_wait(is_shown(self, 1));
    for (guint i = 0; i < 6; i++) {
        rig_gpu_scanout(self->rig, first + i % 2, 0, WIDTH, HEIGHT);
        self->pixels = pixels[i % 2];
        update(self, 100, 50, 50 + i);
        rig_wait(is_shown(self, 1));
    }
    g_assert_cmpuint(x11_seen.asked, ==, 2);
    show(self, 192, 128); /* another size */
    rig_wait(is_shown(self, 1));
    g_assert_cmpuint(x11_seen.asked, ==, 3);
}

static VmConsole *
get_console(Fixture *self)
{
    VmConsole *console = g_list_model_get_item(vm_connection_get_consoles(self->connection), 0);

    g_object_unref(console); /* the list has one */
    return console;
}

/* The machine hears when the server has drawn its picture. */
static void
test_paced(Fixture *self, gconstpointer data)
{
    VmConsole *console = get_console(self);

    rig_wait(is_shown(self, 1));
    g_assert_true(console_told.paced);
    rig_wait(console_told.presented == vm_console_get_serial(console));
    for (guint i = 0; i < 5; i++) {
        const guint64 before = vm_console_get_serial(console);
        g_assert_cmpuint(console_told.presented, ==, before);
        update(self, 20 * i, 20 * i, 60 + i);
        rig_wait(vm_console_get_serial(console) > before);
        rig_wait(console_told.presented == vm_console_get_serial(console));
        g_assert_true(is_shown(self, 1));
    }
}

static gboolean
draw_above(GtkWidget *widget, cairo_t *cr, gpointer data)
{
    cairo_set_source_rgb(cr, 0xf0 / 255.0, 0, 0xf0 / 255.0);
    cairo_paint(cr);
    return GDK_EVENT_STOP;
}

/* The colour of the middle of the window. */
static guint32
middle(Fixture *self)
{
    g_autoptr(GdkPixbuf) shot = NULL;

    rig_run(20);
    shot = take_shot(self);
    return pixel_of(shot, (guint)gdk_pixbuf_get_width(shot) / 2,
                    (guint)gdk_pixbuf_get_height(shot) / 2);
}

/* What GTK shows over the picture stays over it, whatever comes below. */
static void
test_overlay(Fixture *self, gconstpointer data)
{
    GtkWidget *above = gtk_drawing_area_new();

    rig_wait(is_shown(self, 1));
    gtk_widget_set_size_request(above, 60, 40);
    g_object_set(above, "halign", GTK_ALIGN_CENTER, "valign", GTK_ALIGN_CENTER, NULL);
    g_signal_connect(above, "draw", G_CALLBACK(draw_above), NULL);
    gtk_overlay_add_overlay(GTK_OVERLAY(self->page), above);
    gtk_widget_show(above);
    rig_wait(middle(self) == ABOVE);
    update(self, WIDTH / 2 - 10, HEIGHT / 2 - 10, 70);
    rig_run(100);
    g_assert_cmphex(middle(self), ==, ABOVE);
    gtk_widget_destroy(above);
    rig_wait(is_shown(self, 1));
}

/* Without colour it is drawn from the memory; windows that go and come, and whole steps of size. */
static void
test_other_ways(Fixture *self, gconstpointer data)
{
    guint32 before;

    rig_wait(is_shown(self, 1));
    before = middle(self);
    vm_display_page_set_phase(self->page, VM_DISPLAY_PAUSED);
    rig_wait((rig_run(20), !console_told.paced));
    rig_wait(!is_shown(self, 1));
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(is_shown(self, 1));
    g_assert_cmphex(middle(self), ==, before);
    g_assert_true(console_told.paced);
    gtk_widget_hide(self->window);
    rig_run(100);
    gtk_widget_show(self->window);
    rig_wait(is_shown(self, 1));
    g_object_set(self->page, "scaling", VM_SCALING_WHOLE, NULL);
    rig_wait(is_shown(self, 2 * (guint)gtk_widget_get_scale_factor(self->window)));
    update(self, 100, 100, 81);
    rig_wait(is_shown(self, 2 * (guint)gtk_widget_get_scale_factor(self->window)));
}

/* The server says no: the same picture is drawn from the memory, and it is not asked again. */
static void
test_refused(Fixture *self, gconstpointer data)
{
    rig_wait(is_shown(self, 1));
    x11_seen.refuse = TRUE;
    show(self, WIDTH, HEIGHT);
    self->flip = 0;
    rig_wait(is_shown(self, 1));
    rig_wait(!console_told.takes);
    g_assert_false(console_told.paced);
    g_assert_cmpuint(x11_seen.asked, ==, 2);
    update(self, 60, 60, 90);
    rig_wait(is_shown(self, 1));
    show(self, 192, 128);
    rig_wait(is_shown(self, 1));
    g_assert_cmpuint(x11_seen.asked, ==, 2);
}

/* From the beginning, too; by the real server where the memory is real. */
static void
test_refused_first(Fixture *self, gconstpointer data)
{
    self->flip = 0;
    rig_wait(is_shown(self, 1));
    rig_wait(!console_told.takes);
    g_assert_cmpuint(x11_seen.asked, ==, 1);
    update(self, 60, 60, 91);
    rig_wait(is_shown(self, 1));
    g_assert_cmpuint(x11_seen.asked, ==, 1);
    g_assert_false(console_told.paced);
}

static void
check_texture(Fixture *self, CardKind kind)
{
    const guint asked = x11_seen.asked;
    const guint copies = x11_seen.copies;

    show_texture(self, kind);
    rig_wait(is_shown(self, 1));
    for (guint i = 0; i < 3; i++) {
        update(self, 50 * i, 40 * i, 200 + i);
        rig_wait(is_shown(self, 1));
    }
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_ALL);
    g_assert_true(console_told.paced);
    g_assert_cmpuint(x11_seen.asked - asked, ==, kind == CARD_PLAIN ? 1 : 0);
    g_assert_cmpuint(x11_seen.copies - copies, ==, kind == CARD_PLAIN ? 0 : 1);
}

/* In whole steps, as many as the window has room for. */
static gboolean
is_enlarged(Fixture *self)
{
    return is_shown(self, 2) || is_shown(self, 3) || is_shown(self, 4);
}

/* Of all kinds: where the server has no pixmaps of such, they are copied on the card. */
static void
test_textures(Fixture *self, gconstpointer data)
{
    rig_wait(is_shown(self, 1));
    check_texture(self, CARD_PLAIN);
    check_texture(self, CARD_SWAPPED);
    check_texture(self, CARD_PART);
    check_texture(self, CARD_BOTTOM_UP);
    vm_display_page_set_phase(self->page, VM_DISPLAY_PAUSED); /* without colours, by the server */
    rig_wait(!is_shown(self, 1));
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(is_shown(self, 1));
    g_object_set(self->page, "scaling", VM_SCALING_WHOLE, NULL);
    rig_wait(is_enlarged(self));
    gtk_widget_hide(self->window);
    rig_run(100);
    gtk_widget_show(self->window);
    rig_wait(is_enlarged(self));
    update(self, 100, 100, 210);
    rig_wait(is_enlarged(self));
}

/* The card says no: pixels come at once, and no texture any more; dmabufs still do. */
static void
test_texture_refused(Fixture *self, gconstpointer data)
{
    rig_wait(is_shown(self, 1));
    x11_seen.refuse_copies = TRUE;
    show_texture(self, CARD_SWAPPED);
    rig_wait(is_shown(self, 1));
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_NONE);
    g_assert_cmpuint(x11_seen.copies, ==, 1);
    g_assert_true(console_told.takes);
    update(self, 60, 60, 93);
    rig_wait(is_shown(self, 1));
    show_texture(self, CARD_SWAPPED);
    rig_wait(is_shown(self, 1));
    g_assert_cmpuint(x11_seen.copies, ==, 1);
}

static void
take_result(GObject *source, GAsyncResult *result, gpointer to)
{
    g_autoptr(VmThumbnail) thumbnail =
        vm_console_get_thumbnail_finish(VM_CONSOLE(source), result, NULL);

    *(gboolean *)to = thumbnail != NULL;
}

/* As the list of machines asks for one: each second, but seldom while the picture is on the card. */
static void
test_small_picture(Fixture *self, gconstpointer data)
{
    g_autoptr(VmConsole) console =
        g_list_model_get_item(vm_connection_get_consoles(self->connection), 0);
    VmPicturePace pace = {0};
    gboolean came = FALSE;

    rig_wait(is_shown(self, 1));
    g_assert_true(vm_picture_pace_is_due(&pace, console, 0));
    vm_picture_pace_take(&pace, console, 0);
    vm_console_get_thumbnail_async(console, 16, 16, NULL, take_result, &came);
    rig_wait(came);
    g_assert_false(vm_picture_pace_is_due(&pace, console, 100 * G_TIME_SPAN_SECOND));
    update(self, 10, 10, 33);
    rig_wait(vm_picture_pace_is_due(&pace, console, G_TIME_SPAN_SECOND));

    show_texture(self, CARD_PLAIN);
    rig_wait(is_shown(self, 1));
    g_assert_false(vm_picture_pace_is_due(&pace, console, 9 * G_TIME_SPAN_SECOND));
    g_assert_true(vm_picture_pace_is_due(&pace, console, 10 * G_TIME_SPAN_SECOND));
    vm_picture_pace_forget(&pace); /* as when the machine begins anew */
    g_assert_true(vm_picture_pace_is_due(&pace, console, G_TIME_SPAN_SECOND));
    vm_picture_pace_clear(&pace);
}

/* A server without the extension: the machine is not asked for dmabufs. */
static void
test_none(Fixture *self, gconstpointer data)
{
    rig_wait(is_shown(self, 1));
    update(self, 60, 60, 92);
    rig_wait(is_shown(self, 1));
    g_assert_false(console_told.takes);
    g_assert_false(console_told.paced);
    g_assert_cmpuint(x11_seen.asked, ==, 0);
    g_assert_cmpint(console_told.textures, ==, VM_TEXTURES_NONE);
}

#define ADD(name, function, refuse) \
    g_test_add("/x11-dmabuf/" name, Fixture, GINT_TO_POINTER(refuse), set_up, function, tear_down)

int
main(int argc, char **argv)
{
    gtk_test_init(&argc, &argv, NULL);
    if (x11_is_mode("none")) {
        ADD("none", test_none, FALSE);
    } else if (x11_is_mode("udmabuf")) {
        ADD("refused-by-server", test_refused_first, FALSE);
    } else {
        ADD("imported", test_imported, FALSE);
        ADD("paced", test_paced, FALSE);
        ADD("overlay", test_overlay, FALSE);
        ADD("textures", test_textures, FALSE);
    }
    if (x11_is_mode("stand-in")) {
        ADD("flip", test_flip, FALSE);
        ADD("small-picture", test_small_picture, FALSE);
        ADD("other-ways", test_other_ways, FALSE);
        ADD("refused", test_refused, FALSE);
        ADD("refused-first", test_refused_first, TRUE);
        ADD("texture-refused", test_texture_refused, FALSE);
    }
    return g_test_run();
}
