/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/wrap-box.h"

enum {
    PROP_SPACING = 1,
    N_PROPS
};

struct _VmWrapBox {
    GtkContainer parent_instance;
    GList *children;
    int spacing;      /* between neighbours */
    int line_spacing; /* between lines */
};

G_DEFINE_FINAL_TYPE(VmWrapBox, vm_wrap_box, GTK_TYPE_CONTAINER)

static GParamSpec *props[N_PROPS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

#define LINE_SPACING 6

/* What stands in one line: from `first` up to, not with, `end`. */
struct line {
    GList *first;
    GList *end;
    int width; /* that all need, with what is between them */
    int expanding;
};

static gboolean
expands(GtkWidget *child)
{
    return gtk_widget_compute_expand(child, GTK_ORIENTATION_HORIZONTAL);
}

/* What it needs for staying in its line. */
static int
wanted_width(GtkWidget *child)
{
    int minimum = 0;
    int natural = 0;

    gtk_widget_get_preferred_width(child, &minimum, &natural);
    return expands(child) ? minimum : natural;
}

static GList *
next_visible(GList *one)
{
    while (one && !gtk_widget_get_visible(one->data)) {
        one = one->next;
    }
    return one;
}

/* FALSE: there is none after `from`. */
static gboolean
next_line(VmWrapBox *self, GList *from, int width, struct line *ret_line)
{
    GList *one = next_visible(from);

    *ret_line = (struct line){.first = one};
    if (!one) {
        return FALSE;
    }
    for (; one; one = next_visible(one->next)) {
        int wanted = wanted_width(one->data) + (one == ret_line->first ? 0 : self->spacing);
        if (one != ret_line->first && ret_line->width + wanted > width) {
            break;
        }
        ret_line->width += wanted;
        ret_line->expanding += expands(one->data);
    }
    ret_line->end = one;
    return TRUE;
}

/* Of a child of a line in so much room. */
static int
given_width(GtkWidget *child, const struct line *line, int width)
{
    const int rest = MAX(0, width - line->width);
    int wanted = wanted_width(child);

    if (expands(child)) {
        wanted += rest / line->expanding;
    }
    return MIN(wanted, width);
}

static int
height_of(VmWrapBox *self, const struct line *line, int width)
{
    int height = 0;

    for (GList *one = line->first; one != line->end; one = next_visible(one->next)) {
        int natural = 0;
        gtk_widget_get_preferred_height_for_width(one->data, given_width(one->data, line, width),
                                                  NULL, &natural);
        height = MAX(height, natural);
    }
    return height;
}

static GtkSizeRequestMode
vm_wrap_box_get_request_mode(GtkWidget *widget)
{
    return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
vm_wrap_box_get_preferred_width(GtkWidget *widget, int *minimum, int *natural)
{
    VmWrapBox *self = VM_WRAP_BOX(widget);
    int count = 0;

    *minimum = 0;
    *natural = 0;
    for (GList *one = next_visible(self->children); one; one = next_visible(one->next)) {
        int least = 0;
        int good = 0;
        gtk_widget_get_preferred_width(one->data, &least, &good);
        *minimum = MAX(*minimum, least);
        *natural += good + (count++ > 0 ? self->spacing : 0);
    }
}

static void
vm_wrap_box_get_preferred_height_for_width(GtkWidget *widget, int width, int *minimum, int *natural)
{
    VmWrapBox *self = VM_WRAP_BOX(widget);
    struct line line = {.end = self->children};
    int height = 0;

    while (next_line(self, line.end, width, &line)) {
        height += height_of(self, &line, width) + (height > 0 ? self->line_spacing : 0);
    }
    *minimum = height;
    *natural = height;
}

static void
vm_wrap_box_get_preferred_height(GtkWidget *widget, int *minimum, int *natural)
{
    int width = 0;

    vm_wrap_box_get_preferred_width(widget, &(int){0}, &width);
    vm_wrap_box_get_preferred_height_for_width(widget, width, minimum, natural);
}

/* Each line is aligned as the whole is. */
static int
where_it_begins(VmWrapBox *self, const struct line *line, int width)
{
    const int rest = line->expanding > 0 ? 0 : MAX(0, width - line->width);
    GtkAlign align = gtk_widget_get_halign(GTK_WIDGET(self));

    return align == GTK_ALIGN_CENTER ? rest / 2 : align == GTK_ALIGN_END ? rest : 0;
}

static void
place_line(VmWrapBox *self, const struct line *line, const GtkAllocation *room)
{
    const gboolean rtl = gtk_widget_get_direction(GTK_WIDGET(self)) == GTK_TEXT_DIR_RTL;
    int at = where_it_begins(self, line, room->width);

    for (GList *one = line->first; one != line->end; one = next_visible(one->next)) {
        int width = given_width(one->data, line, room->width);
        GtkAllocation place = {room->x + at, room->y, width, room->height};
        if (rtl) {
            place.x = room->x + room->width - at - width;
        }
        gtk_widget_size_allocate(one->data, &place);
        at += width + self->spacing;
    }
}

static void
vm_wrap_box_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    VmWrapBox *self = VM_WRAP_BOX(widget);
    struct line line = {.end = self->children};
    GtkAllocation room = *allocation;

    gtk_widget_set_allocation(widget, allocation);
    while (next_line(self, line.end, allocation->width, &line)) {
        const gboolean only = line.first == next_visible(self->children) && !line.end;
        /* One line takes all the height, so that its widgets stand in the middle. */
        room.height = only ? allocation->height : height_of(self, &line, allocation->width);
        place_line(self, &line, &room);
        room.y += room.height + self->line_spacing;
    }
}

void
vm_wrap_box_insert(VmWrapBox *self, GtkWidget *child, int position)
{
    self->children = g_list_insert(self->children, child, position);
    gtk_widget_set_parent(child, GTK_WIDGET(self));
}

static void
vm_wrap_box_add(GtkContainer *container, GtkWidget *child)
{
    vm_wrap_box_insert(VM_WRAP_BOX(container), child, -1);
}

static void
vm_wrap_box_remove(GtkContainer *container, GtkWidget *child)
{
    VmWrapBox *self = VM_WRAP_BOX(container);

    self->children = g_list_remove(self->children, child);
    gtk_widget_unparent(child);
    gtk_widget_queue_resize(GTK_WIDGET(self));
}

static void
vm_wrap_box_forall(GtkContainer *container, gboolean internals, GtkCallback callback, gpointer data)
{
    GList *next = NULL;

    for (GList *one = VM_WRAP_BOX(container)->children; one; one = next) {
        next = one->next; /* callback may remove it */
        callback(one->data, data);
    }
}

static GType
vm_wrap_box_child_type(GtkContainer *container)
{
    return GTK_TYPE_WIDGET;
}

static void
vm_wrap_box_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    g_value_set_int(value, VM_WRAP_BOX(object)->spacing);
}

static void
vm_wrap_box_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    VM_WRAP_BOX(object)->spacing = g_value_get_int(value);
    gtk_widget_queue_resize(GTK_WIDGET(object));
}

static void
vm_wrap_box_class_init(VmWrapBoxClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);
    GtkContainerClass *container_class = GTK_CONTAINER_CLASS(klass);

    G_OBJECT_CLASS(klass)->get_property = vm_wrap_box_get_property;
    G_OBJECT_CLASS(klass)->set_property = vm_wrap_box_set_property;
    widget_class->get_request_mode = vm_wrap_box_get_request_mode;
    widget_class->get_preferred_width = vm_wrap_box_get_preferred_width;
    widget_class->get_preferred_height = vm_wrap_box_get_preferred_height;
    widget_class->get_preferred_height_for_width = vm_wrap_box_get_preferred_height_for_width;
    widget_class->size_allocate = vm_wrap_box_size_allocate;
    container_class->add = vm_wrap_box_add;
    container_class->remove = vm_wrap_box_remove;
    container_class->forall = vm_wrap_box_forall;
    container_class->child_type = vm_wrap_box_child_type;
    gtk_container_class_handle_border_width(container_class);
    props[PROP_SPACING] =
        g_param_spec_int("spacing", NULL, NULL, 0, 100, 8,
                         G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(G_OBJECT_CLASS(klass), N_PROPS, props);
}

static void
vm_wrap_box_init(VmWrapBox *self)
{
    gtk_widget_set_has_window(GTK_WIDGET(self), FALSE);
    self->line_spacing = LINE_SPACING;
}
