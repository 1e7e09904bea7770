#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the new system, after the packages and our files are in place.
set -e
. /root/setup-common.sh
ln -sf busybox /usr/bin/init
ln -sf ../bin/busybox /usr/sbin/init
for applet in getty ip ifconfig poweroff reboot halt free ps pgrep pkill vi less nc wget hexdump \
    lspci lsusb killall top uptime dd; do
    command -v "$applet" >/dev/null || ln -s busybox "/usr/bin/$applet"
done
keep_udev_rules 50-udev-default 60-input-id 70-touchpad 71-seat 73-seat-late 80-vitrine
