#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the new system, after the packages and our files are in place.
set -e
. /root/setup-common.sh
userdel -r user 2>/dev/null
passwd -l root >/dev/null
systemctl enable vitrine-serial.service vitrine-tests.service
systemctl mask getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    e2scrub_reap.service systemd-pstore.service
systemctl set-default multi-user.target
