/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/link.h"

#include <string.h>

#define HOST    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
#define MAILBOX HOST "_+"
/* RFC 3986: what may stand in an address. */
#define ADDRESS MAILBOX "~:/?#[]@!$&'()*,;=%"

/* a@b.c */
static gboolean
is_mailbox(const char *text)
{
    size_t name = strspn(text, MAILBOX);
    const char *host = text + name + 1;

    return name > 0 && text[name] == '@' && host[0] && host[strspn(host, HOST)] == '\0';
}

gboolean
vm_link_is_safe(const char *text)
{
    static const char *const schemes[] = {"http", "https", "ftp"};
    g_autoptr(GUri) uri = NULL;
    gsize length = strnlen(text, VM_LINK_MAX + 1);

    if (length > VM_LINK_MAX || strspn(text, ADDRESS) != length) {
        return FALSE;
    }
    if (g_ascii_strncasecmp(text, "mailto:", strlen("mailto:")) == 0) {
        return is_mailbox(text + strlen("mailto:"));
    }
    uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    if (!uri || !g_uri_get_host(uri) || !g_uri_get_host(uri)[0] || g_uri_get_userinfo(uri)) {
        return FALSE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
        if (g_str_equal(g_uri_get_scheme(uri), schemes[i])) {
            return TRUE;
        }
    }
    return FALSE;
}
