/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/shown-page.h"

#include <sys/mman.h>
#include <unistd.h>

#include "ui/display-view.h"
#include "vmm/base/fd.h"

enum {
    TEXTURE_MARGIN = 16, /* rows */
};

/* No two places look alike, and neighbours differ in all colours. */
guint32
shown_noise(guint x, guint y, guint seed)
{
    guint32 value = (x * 73856093U) ^ (y * 19349663U) ^ (seed * 83492791U);

    value ^= value >> 13;
    value *= 0x5bd1e995;
    return (value ^ value >> 15) & 0xffffff;
}

static void
draw(Shown *self, const GdkRectangle *area, guint seed)
{
    for (int y = area->y; y < area->y + area->height; y++) {
        for (int x = area->x; x < area->x + area->width; x++) {
            self->pixels[(guint)y * self->width + (guint)x] = shown_noise((guint)x, (guint)y, seed);
        }
    }
}

/* The guest takes another size. */
void
shown_show(Shown *self, guint width, guint height, guint seed)
{
    const GdkRectangle all = {0, 0, (int)width, (int)height};

    self->width = width;
    self->height = height;
    self->pixels = rig_gpu_show(self->rig, ++self->buffers, width, height);
    draw(self, &all, seed);
    rig_gpu_update(self->rig, 0, 0, width, height);
}

void
shown_flip_texture(Shown *self, guint buffer)
{
    const struct gpu_scanout scanout = {.header = {GPU_SCANOUT, sizeof(scanout)},
                                        .buffer = buffer,
                                        .width = self->width,
                                        .height = self->height,
                                        .y = TEXTURE_MARGIN};

    rig_gpu_send(self->rig, &scanout, sizeof(scanout), -1);
}

/* The picture lies in the middle of it, so that its place counts. */
void
shown_show_texture(Shown *self, guint seed)
{
    const guint stride = self->width * 4;
    const gsize size = (gsize)stride * self->height;
    const GdkRectangle all = {0, 0, (int)self->width, (int)self->height};
    const struct gpu_texture texture = {.header = {GPU_TEXTURE, sizeof(texture)},
                                        .id = ++self->buffers,
                                        .format = GPU_FORMAT_XR24,
                                        .width = self->width,
                                        .height = self->height + 2 * TEXTURE_MARGIN,
                                        .stride = stride,
                                        .flags = GPU_TEXTURE_Y_0_TOP,
                                        .modifier = G_GUINT64_CONSTANT(0x00ffffffffffffff)};
    const gsize whole = (gsize)stride * texture.height;
    int memory = fd_memory_file("texture", (whole + 4095) / 4096 * 4096);
    int dmabuf = rig_make_dmabuf(memory, whole);
    guint8 *pixels = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);

    g_assert_true(pixels != MAP_FAILED && size > 0);
    self->pixels = (guint32 *)(gpointer)(pixels + (gsize)stride * TEXTURE_MARGIN);
    draw(self, &all, seed);
    rig_gpu_send(self->rig, &texture, sizeof(texture), dmabuf);
    shown_flip_texture(self, texture.id);
    close(dmabuf);
    close(memory);
}

void
shown_update(Shown *self, int x, int y, guint seed)
{
    const GdkRectangle area = {x, y, 40, 30};

    draw(self, &area, seed);
    rig_gpu_update(self->rig, (guint)x, (guint)y, 40, 30);
}

/* Where the guest's picture is on the screen, pixel by pixel, each `expand` times; FALSE: nowhere. */
static gboolean
matches(const Shown *self, const TestPicture *shot, guint at, guint expand)
{
    for (guint y = 0; y < self->height * expand; y++) {
        const guint32 *row = shot->pixels + at + (gsize)y * shot->width;
        const guint32 *from = self->pixels + (gsize)(y / expand) * self->width;
        for (guint x = 0; x < self->width * expand; x++) {
            if (row[x] != (from[x / expand] & 0xffffff)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

gboolean
shown_find_picture(Shown *self, guint expand, guint *ret_x, guint *ret_y)
{
    TestPicture shot;
    gboolean found = FALSE;

    test_compositor_shot(self->compositor, &shot);
    for (guint y = 0; !found && y + self->height * expand <= shot.height; y++) {
        for (guint x = 0; !found && x + self->width * expand <= shot.width; x++) {
            guint at = y * shot.width + x;
            found =
                shot.pixels[at] == (self->pixels[0] & 0xffffff) && matches(self, &shot, at, expand);
            *ret_x = x;
            *ret_y = y;
        }
    }
    g_free(shot.pixels);
    return found;
}

gboolean
shown_is_exact(Shown *self)
{
    guint x;
    guint y;

    rig_run(20);
    return shown_find_picture(self, 1, &x, &y);
}

/* The dark ground is the first one, below it. */
TestSurface
shown_guest_surface(Shown *self)
{
    TestSurface found = {.id = 0};

    test_compositor_find(self->compositor, "subsurface", 1, &found);
    return found;
}

TestSurface
shown_window_surface(Shown *self)
{
    TestSurface found = {.id = 0};

    g_assert_true(test_compositor_find(self->compositor, "toplevel", 0, &found));
    return found;
}

/* Wait until GTK has drawn all that it wants to. */
guint
shown_settle(Shown *self)
{
    guint commits;

    do {
        commits = shown_window_surface(self).commits;
        rig_run(400);
    } while (shown_window_surface(self).commits != commits);
    return commits;
}

static void
start_page(Shown *self)
{
    self->window = gtk_window_new(GTK_WINDOW_TOPLEVEL);
    self->page = VM_DISPLAY_PAGE(vm_display_page_new());
    g_object_set(self->page, "resize-guest", FALSE, "scaling", VM_SCALING_NEVER, NULL);
    vm_display_page_set_title(self->page, "Test");
    gtk_container_add(GTK_CONTAINER(self->window), GTK_WIDGET(self->page));
    gtk_window_set_default_size(GTK_WINDOW(self->window), 811, 613);
    gtk_widget_show(GTK_WIDGET(self->page));
    gtk_widget_show(self->window);
    vm_display_page_set_connection(self->page, self->connection);
    vm_display_page_set_phase(self->page, VM_DISPLAY_RUNNING);
    rig_wait(vm_display_page_get_screenshot(self->page) != NULL);
    rig_wait(self->compositor->control < 0 || gtk_window_is_active(GTK_WINDOW(self->window)));
}

static void
find_view(GtkWidget *widget, gpointer data)
{
    GtkWidget **found = data;

    if (VM_IS_DISPLAY_VIEW(widget)) {
        *found = widget;
    } else if (GTK_IS_CONTAINER(widget)) {
        gtk_container_forall(GTK_CONTAINER(widget), find_view, found);
    }
}

guint64
shown_n_copied(Shown *self)
{
    GtkWidget *view = NULL;

    find_view(GTK_WIDGET(self->page), &view);
    return vm_display_view_get_n_copied(VM_DISPLAY_VIEW(view));
}

void
shown_set_up(Shown *self, gconstpointer data)
{
    self->compositor = (TestCompositor *)data;
    self->scale = g_ascii_strtod(g_getenv("TEST_SCALE"), NULL);
    g_free(test_compositor_say(self->compositor, "scale %s", g_getenv("TEST_SCALE")));
    self->rig = rig_new();
    self->rig->makes_dmabufs = g_strcmp0(g_getenv("TEST_DMABUF"), "udmabuf") == 0;
    rig_gpu_hello(self->rig, 1);
    shown_show(self, WIDTH, HEIGHT, 1);
    self->connection = vm_connection_new(self->rig->path);
    vm_connection_open(self->connection);
    rig_wait(vm_connection_get_state(self->connection) == VM_CONNECTION_READY);
    start_page(self);
}

void
shown_tear_down(Shown *self, gconstpointer data)
{
    TestSurface none;

    gtk_widget_destroy(self->window);
    vm_connection_close(self->connection);
    g_clear_object(&self->connection);
    rig_free(self->rig);
    rig_wait(!test_compositor_find(self->compositor, "toplevel", 0, &none));
    g_assert_false(test_compositor_find(self->compositor, "subsurface", 0, &none));
}
