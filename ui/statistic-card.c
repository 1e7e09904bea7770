/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/statistic-card.h"

struct _VmStatisticCard {
    GtkBox parent_instance;
    GtkLabel *title_label;
    GtkLabel *value_label;
    GtkLabel *detail_label;
    GtkBox *graph_box;
    VmHistoryGraph *graph;
};

G_DEFINE_FINAL_TYPE(VmStatisticCard, vm_statistic_card, GTK_TYPE_BOX)

static void
vm_statistic_card_class_init(VmStatisticCardClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_PANEL);
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/org/vitrine/Vitrine/ui/statistic-card.ui");
    gtk_widget_class_bind_template_child(widget_class, VmStatisticCard, title_label);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticCard, value_label);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticCard, detail_label);
    gtk_widget_class_bind_template_child(widget_class, VmStatisticCard, graph_box);
}

static void
vm_statistic_card_init(VmStatisticCard *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *
vm_statistic_card_new(const char *title, const char *graph_name, const char *colour)
{
    VmStatisticCard *self = g_object_new(VM_TYPE_STATISTIC_CARD, NULL);

    gtk_label_set_text(self->title_label, title);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), title);
    self->graph = VM_HISTORY_GRAPH(vm_history_graph_new(graph_name));
    vm_history_graph_set_colour(self->graph, colour);
    gtk_box_pack_start(self->graph_box, GTK_WIDGET(self->graph), TRUE, TRUE, 0);
    return GTK_WIDGET(self);
}

void
vm_statistic_card_set_words(VmStatisticCard *self, const char *value, const char *detail)
{
    gtk_label_set_text(self->value_label, value);
    gtk_label_set_text(self->detail_label, detail);
}

VmHistoryGraph *
vm_statistic_card_get_graph(VmStatisticCard *self)
{
    return self->graph;
}

void
vm_statistic_card_set_compact(VmStatisticCard *self, gboolean compact)
{
    gtk_widget_set_visible(GTK_WIDGET(self->detail_label), !compact);
    gtk_widget_set_margin_bottom(GTK_WIDGET(self->graph_box), compact ? 10 : 0);
}
