/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager/model/phrases.h"

#include <glib/gi18n.h>
#include <string.h>

#include "manager/model/words.h"

#define SAYS "vmm: "

enum {
    HOLES_MAX = 3,
};

/* As they stand in vmm/supervisor, vmm/machine, vmm/devices/gpu and vmm/client; each %s is what may stand there. */
static const char *const phrases[] = {
    /* vmm check */
    N_("The processor can virtualise."),
    N_("The processor cannot virtualise, or the firmware switched that off."),
    N_("Turn on virtualisation (VT-x or SVM) in the firmware settings."),
    N_("This computer has no KVM."),
    N_("This computer has KVM."),
    N_("Turn on virtualisation in the firmware settings and load the kernel's KVM module."),
    N_("You may not use /dev/kvm."),
    N_("Whether you may use /dev/kvm is not known: it is not there."),
    N_("You may use /dev/kvm."),
    N_("Join the group “kvm”, then log in again."),
    N_("KVM works."),
    N_("KVM could not be tried outside a sandbox."),
    N_("Whether KVM works is not known: it cannot be opened."),
    N_("See the row above that names the reason."),
    N_("KVM inside another virtual machine often cannot run a stock kernel; use another computer, "
       "or "
       "the test machine of docs/testing.md."),
    /* A whole sentence for each step of vmm/machine/x86/probe-steps.c, as grammar wants it. */
    N_("KVM here cannot run a stock kernel: 64-bit code does not work. %s"),
    N_("KVM here cannot run a stock kernel: the instruction cmpxchg16b does not work. %s"),
    N_("KVM here cannot run a stock kernel: saving processor state with xsave does not work. %s"),
    N_("KVM here cannot run a stock kernel: switching page tables does not work. %s"),
    N_("KVM here cannot run a stock kernel: an interrupt does not work. %s"),
    N_("KVM here cannot run a stock kernel: the local timer does not work. %s"),
    N_("KVM here cannot run a stock kernel: %s does not work. %s"),
    N_("The test guest did not end well (signal %s)."),
    N_("The test guest ended with status %s."),
    N_("The test guest does not fit."),
    N_("There is not enough memory for a test guest."),
    N_("What was given is not /dev/kvm."),
    N_("The test guest could not be set up: %s."),
    N_("The test guest could not be put in a jail: could not %s."),
    N_("The guest crashed."),
    N_("It took too long."),
    N_("The sandbox works."),
    N_("The kernel has no system call filter (seccomp)."),
    N_("This computer refuses sandboxes (user namespaces: %s)."),
    N_("%s could not be started: it could not %s (%s)."),
    N_("Allow user namespaces, or run with --allow-no-namespaces and a weaker sandbox."),
    N_("Use a kernel with CONFIG_SECCOMP_FILTER."),
    N_("Files are fenced off a second time (Landlock)."),
    N_("The kernel has no Landlock: files are fenced off only once."),
    N_("Use a kernel with Landlock switched on (lsm=landlock,…)."),
    N_("A process may have enough files open (%s)."),
    N_("A process may have %s files open; machines with graphics need %s."),
    N_("A process may have only %s files open; machines need %s."),
    N_("Raise the limit of open files for your login, then log in again."),
    N_("There is room for disks: %s GiB in “%s”."),
    N_("There is little room for disks: %s GiB in “%s”."),
    N_("Make room, or choose another folder for disks."),
    N_("You may use the render node %s."),
    N_("This computer has no render node (/dev/dri/renderD128)."),
    N_("The render node %s cannot be used (%s)."),
    N_("Load the driver of the graphics card."),
    N_("Join the group “%s”, then log in again."),
    N_("Have the system's device rules (udev) give it to your group."),
    N_("Install Mesa's drivers and virglrenderer."),
    N_("Pictures pass without a copy (/dev/udmabuf)."),
    N_("The kernel has no /dev/udmabuf: pictures are copied."),
    N_("You may not use /dev/udmabuf: pictures are copied."),
    N_("Load the kernel's module for it."),
    N_("No Wayland compositor is named ($WAYLAND_DISPLAY): a guest's programs cannot be windows of "
       "this desktop."),
    N_("A Wayland compositor answers at “%s”."),
    N_("No Wayland compositor answers at “%s”: a guest's programs cannot be windows of this "
       "desktop."),
    N_("Use a Wayland session for single windows."),
    N_("Vulkan's render server is installed."),
    N_("Vulkan's render server is not installed."),
    N_("Install the package virgl-server."),
    /* vmm extract_kernel */
    N_("“%s” has no ext2, ext3 or ext4 file system; take its kernel out by other means."),
    N_("“%s” has no kernel in /boot; give one of your own."),
    N_("“%s” has a kernel or an initrd that cannot be read; check its file systems."),
    N_("“%s” has a kernel for which there is no room; make room on the disk."),
    N_("“%s” cannot be read as that kind of image; try --format, or “qemu-img check”."),
    N_("“%s” cannot be read: the part that reads it ended; take its kernel out by other means."),
    /* A disk for which the host has no room (vmm/supervisor/room.c). */
    N_("There is no room on “%s” for the disk “%s” (%s are free): the machine is paused and "
       "nothing is lost; make room, then continue it."),
    N_("The quota on “%s” leaves no room for the disk “%s”: the machine is paused and nothing is "
       "lost; make room, then continue it."),
    N_("There is no room for the disk “%s”: the machine is paused and nothing is lost; make room, "
       "then continue it."),
    N_("There is no room for what the guest had written to the disk “%s” before: its last changes "
       "may "
       "be lost, it is told of an error, and the machine is paused; make room, then continue it."),
    /* A file that a definition includes (vmm/client/bases.c). */
    N_("“%s” is not a file."),
    N_("“%s” is longer than 1 MiB."),
    N_("“%s” cannot be read."),
    N_("“%s” is not there."),
    N_("“%s” is not a JSON file that says what a machine has."),
    N_("“%s” is included by itself, or more than 8 deep."),
    N_("“%s” is one file too many: at most 32 are read here."),
    /* Why a machine cannot be cloned, or not so (vmm/client/clone.c, clone-steps.c). */
    N_("“%s” is made of parts, and no linked clone can lie over those; make a full clone"),
    N_("“%s” lies over 8 images already, and a machine starts with no more; make a full clone"),
    N_("“%s” is named by “%s”, which the machine includes, so that it cannot be frozen; make a "
       "full clone"),
    N_("a file that the machine includes cannot be used; mend it, or take it out of “cfg”: %s"),
    N_("“%s” is also a disk of the machine “%s”, which could not write to it any more; make a full "
       "clone"),
    N_("“%s” calls the file behind it “%s”, which a copy elsewhere would not find; write its whole "
       "path into the image with “qemu-img rebase -u -F %s -b FILE”"),
    N_("the names of the parts of “%s” are too long; give them shorter ones"),
    N_("another program writes to “%s”; stop it first"),
    /* making a disk larger */
    N_("“%s” is made of several files and cannot grow; add another disk"),
    N_("“%s” is not a file; only a disk in a file can grow"),
    N_("the machine “%s” needs “%s” as it is; give this machine a copy of it"),
    N_("“%s” is write-protected; make it writable, or give this machine a copy of it"),
    N_("the disk “%s” is read-only; switch off “ro” of it first"),
    N_("there is no room for that beside “%s”; free some, or choose less"),
    N_("“%s” cannot be made that long: %s; choose less, or check the file"),
    N_("“%s” can grow that far only while its machine runs; start it, then try again"),
    N_("another program uses “%s”; stop it first"),
    N_("the machine has no such disk of its own"),
    N_("the disk is read-only"),
    N_("a disk can only become longer, by whole blocks"),
    N_("only a disk in a file can become longer"),
    N_("“%s” cannot be read: %s; put it there, or change the machine's disk"),
    N_("“%s”: %s; make room on that disk"),
    N_("“%s” lies on another disk or partition than “%s”, so that a linked clone cannot share it; "
       "make a full clone, or choose a folder for disks there in the preferences"),
    N_("“%s” has room for %s, and the copies take %s; make room there, or make a linked clone"),
    /* The graphics card: what it draws with, and why. */
    N_("%s; the picture stands still, the guest goes on. Restart the guest, or start it with 2D "
       "graphics if it happens again."),
    N_("%s and was started again; the guest's screen goes on. Programs of the guest that drew in "
       "3D "
       "have to be started again."),
    N_("%s and was started again; the guest's screen goes on."),
    N_("%s, with Vulkan, whose memory was not tried."),
    N_("%s, with Vulkan."),
    N_("%s; no Vulkan, although it was asked for: %s."),
    N_("%s; no Vulkan: %s."),
    N_("2D, as asked for."),
    N_("2D, although 3D was asked for: %s, and drawn by the processor %s."),
    N_("2D: %s, and drawn by the processor %s."),
    N_("2D: %s."),
    N_("3D, drawn by the processor: %s."),
    N_("3D on %s."),
    /* Translators: more follows these two, such as ", with Vulkan." */
    N_("3D, drawn by the processor: %s"),
    N_("3D on %s"),
    N_("this computer has no render node"),
    N_("%s cannot be used (%s)"),
    N_("3D crashed when the machine started"),
    N_("its trial took too long"),
    N_("its trial was ended by a signal"),
    N_("its trial crashed"),
    N_("its trial failed"),
    N_("its jail does not close: %s"),
    N_("what it draws is wrong"),
    N_("fences do not end"),
    N_("there are no descriptors left"),
    N_("virglrenderer has nothing to offer"),
    N_("Mesa's software renderer does not start"),
    N_("virgl_render_server is not installed; install virgl-server"),
    N_("its socket cannot be made (%s)"),
    N_("the Vulkan renderer does not start (%s)"),
    N_("the Vulkan renderer does not answer"),
    N_("the Vulkan renderer makes no context"),
    N_("the Vulkan renderer shares no memory"),
    N_("virglrenderer was built without Vulkan"),
    N_("virglrenderer does not say which Vulkan it speaks"),
    N_("the installed virglrenderer is too old for the Vulkan driver of current guests; it "
       "takes version 1.0 or newer"),
    N_("the host's Vulkan is older than 1.1"),
    N_("the host's Vulkan does not start"),
    N_("the host's Vulkan drivers do not answer"),
    N_("the host has no Vulkan driver; install mesa-vulkan-drivers"),
    N_("%s makes no device"),
    N_("%s cannot share its memory as a dma-buf, which takes a graphics card's driver"),
    /* Last, as it begins in so many ways. Translators: a graphics device, and what it cannot do. */
    N_("on %s %s"),
};

/* What stands at the holes, to be freed; FALSE when `text` is not this phrase. */
static gboolean
match(const char *phrase, const char *text, char *ret_pieces[HOLES_MAX])
{
    g_auto(GStrv) parts = g_strsplit(phrase, "%s", HOLES_MAX + 1);
    guint n = g_strv_length(parts);
    const char *at = text + strlen(parts[0]);
    guint found = 0;

    if (!g_str_has_prefix(text, parts[0])) {
        return FALSE;
    }
    for (guint i = 1; i < n; i++) {
        gboolean last = i + 1 == n;
        const char *next = parts[i][0] ? strstr(at, parts[i]) : at + strlen(at);
        if (last && next && g_str_has_suffix(at, parts[i])) {
            next = at + strlen(at) - strlen(parts[i]);
        }
        if (!next || next == at) {
            break;
        }
        ret_pieces[found++] = g_strndup(at, (gsize)(next - at));
        at = next + strlen(parts[i]);
    }
    if (found + 1 == n && *at == '\0') {
        return TRUE;
    }
    for (guint i = 0; i < found; i++) {
        g_clear_pointer(&ret_pieces[i], g_free);
    }
    return FALSE;
}

/* Puts the pieces where the translation wants them: at each "%s" in turn, or at "%2$s". */
static char *
fill(const char *words, char *pieces[HOLES_MAX])
{
    GString *text = g_string_new(NULL);
    guint turn = 0;

    while (*words) {
        guint hole = HOLES_MAX;
        gsize length = 0;
        if (g_str_has_prefix(words, "%s")) {
            hole = turn++;
            length = 2;
        } else if (words[0] == '%' && g_ascii_isdigit(words[1]) &&
                   g_str_has_prefix(words + 2, "$s")) {
            hole = (guint)(words[1] - '1');
            length = 4;
        }
        if (hole < HOLES_MAX && pieces[hole]) {
            g_autofree char *piece = vm_phrase_dup(pieces[hole]);
            g_string_append(text, piece);
            words += length;
        } else {
            g_string_append_c(text, *words++);
        }
    }
    return g_string_free(text, FALSE);
}

/* NULL when `english` is not this phrase. */
static char *
translate(const char *phrase, const char *english)
{
    char *pieces[HOLES_MAX] = {NULL};
    char *text = NULL;

    if (match(phrase, english, pieces)) {
        text = fill(_(phrase), pieces);
    }
    for (guint i = 0; i < HOLES_MAX; i++) {
        g_free(pieces[i]);
    }
    return text;
}

/* "12.5", with or without a unit of bytes, as people here write it; NULL for anything else. */
static char *
figure(const char *piece)
{
    char *rest = NULL;
    const double value = g_ascii_strtod(piece, &rest);
    const char *point = strchr(piece, '.');
    const char *unit = g_str_has_prefix(rest, "\u00a0") ? rest + strlen("\u00a0") : rest;
    g_autofree char *number = NULL;

    if (!g_ascii_isdigit(piece[0]) || !point || rest != point + 2 ||
        (unit[0] && (unit == rest || !g_str_has_suffix(unit, "B")))) {
        return NULL;
    }
    number = vm_words_decimal(value);
    return g_strconcat(number, rest, NULL);
}

char *
vm_phrase_dup(const char *english)
{
    char *text = figure(english);

    for (guint i = 0; !text && i < G_N_ELEMENTS(phrases); i++) {
        text = translate(phrases[i], english);
    }
    if (text) {
        return text;
    }
    /* The reason of an error, as the C library says it. */
    return g_strdup(english[0] ? dgettext("libc", english) : "");
}

char *
vm_phrase_dup_said(const char *said)
{
    g_autofree char *line = g_strndup(said ? said : "", strcspn(said ? said : "", "\n"));

    return vm_phrase_dup(g_str_has_prefix(line, SAYS) ? line + strlen(SAYS) : line);
}
