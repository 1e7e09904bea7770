/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n.h>
#include <locale.h>

#include "manager/application.h"
#include "vmm/client/paths.h"

/* Beside our own program, so that an installed tree can be moved. */
static void
find_translations(void)
{
    g_autofree char *share = vm_paths_data();
    g_autofree char *beside = g_build_filename(share, "locale", NULL);

    bindtextdomain(GETTEXT_PACKAGE, g_file_test(beside, G_FILE_TEST_IS_DIR) ? beside : LOCALE_DIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);
}

int
main(int argc, char **argv)
{
    g_autoptr(VmApplication) application = NULL;

    setlocale(LC_ALL, "");
    find_translations();
    application = vm_application_new();
    return g_application_run(G_APPLICATION(application), argc, argv);
}
