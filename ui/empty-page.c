/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/empty-page.h"

#include "ui/wrap-box.h"

struct _VmEmptyPage {
    GtkBox parent_instance;
};

G_DEFINE_FINAL_TYPE(VmEmptyPage, vm_empty_page, GTK_TYPE_BOX)

static void
vm_empty_page_class_init(VmEmptyPageClass *klass)
{
    g_type_ensure(VM_TYPE_WRAP_BOX);
    gtk_widget_class_set_template_from_resource(GTK_WIDGET_CLASS(klass),
                                                "/org/vitrine/Vitrine/ui/empty-page.ui");
}

static void
vm_empty_page_init(VmEmptyPage *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}
