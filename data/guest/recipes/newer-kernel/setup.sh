#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the new system, after the packages and our files are in place.
set -e
. /root/setup-common.sh
ln -sf busybox /usr/bin/init
ln -sf ../bin/busybox /usr/sbin/init
for applet in getty ip ps poweroff reboot halt top uptime vi less; do
    command -v "$applet" >/dev/null || ln -s busybox "/usr/bin/$applet"
done
