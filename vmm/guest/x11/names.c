/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/guest/x11/x11-private.h"

const char *
atom_name(enum x11_atom atom)
{
    static const char *const names[N_ATOMS] = {
        [ATOM_WL_SURFACE_ID] = "WL_SURFACE_ID",
        [ATOM_WM_S0] = "WM_S0",
        [ATOM_WM_STATE] = "WM_STATE",
        [ATOM_WM_PROTOCOLS] = "WM_PROTOCOLS",
        [ATOM_WM_DELETE_WINDOW] = "WM_DELETE_WINDOW",
        [ATOM_WM_TAKE_FOCUS] = "WM_TAKE_FOCUS",
        [ATOM_WM_CHANGE_STATE] = "WM_CHANGE_STATE",
        [ATOM_MOTIF_WM_HINTS] = "_MOTIF_WM_HINTS",
        [ATOM_UTF8_STRING] = "UTF8_STRING",
        [ATOM_CLIPBOARD] = "CLIPBOARD",
        [ATOM_TARGETS] = "TARGETS",
        [ATOM_INCR] = "INCR",
        [ATOM_NET_SUPPORTED] = "_NET_SUPPORTED",
        [ATOM_NET_SUPPORTING_WM_CHECK] = "_NET_SUPPORTING_WM_CHECK",
        [ATOM_NET_ACTIVE_WINDOW] = "_NET_ACTIVE_WINDOW",
        [ATOM_NET_CLOSE_WINDOW] = "_NET_CLOSE_WINDOW",
        [ATOM_NET_WM_NAME] = "_NET_WM_NAME",
        [ATOM_NET_WM_MOVERESIZE] = "_NET_WM_MOVERESIZE",
        [ATOM_NET_WM_STATE] = "_NET_WM_STATE",
        [ATOM_NET_WM_STATE_FULLSCREEN] = "_NET_WM_STATE_FULLSCREEN",
        [ATOM_NET_WM_STATE_MAXIMIZED_VERT] = "_NET_WM_STATE_MAXIMIZED_VERT",
        [ATOM_NET_WM_STATE_MAXIMIZED_HORZ] = "_NET_WM_STATE_MAXIMIZED_HORZ",
        [ATOM_DELETE] = "DELETE",
        [ATOM_XDND_AWARE] = "XdndAware",
        [ATOM_XDND_ENTER] = "XdndEnter",
        [ATOM_XDND_POSITION] = "XdndPosition",
        [ATOM_XDND_STATUS] = "XdndStatus",
        [ATOM_XDND_LEAVE] = "XdndLeave",
        [ATOM_XDND_DROP] = "XdndDrop",
        [ATOM_XDND_FINISHED] = "XdndFinished",
        [ATOM_XDND_SELECTION] = "XdndSelection",
        [ATOM_XDND_TYPE_LIST] = "XdndTypeList",
        [ATOM_XDND_ACTION_COPY] = "XdndActionCopy",
        [ATOM_XDND_ACTION_MOVE] = "XdndActionMove",
        [ATOM_XDND_ACTION_LIST] = "XdndActionList",
    };

    return names[atom];
}
