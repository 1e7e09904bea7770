/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n.h>
#include <locale.h>

#include "manager/application.h"

int
main(int argc, char **argv)
{
    g_autoptr(VmApplication) application = NULL;

    setlocale(LC_ALL, "");
    bindtextdomain(GETTEXT_PACKAGE, LOCALE_DIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);
    application = vm_application_new();
    return g_application_run(G_APPLICATION(application), argc, argv);
}
