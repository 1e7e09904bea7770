#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the new system, after the packages and our files are in place.
set -e
. /root/setup-common.sh
usermod -a -G sudo user
ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime
chmod 440 /etc/sudoers.d/user
systemctl enable vitrine-serial.service vitrine-desktop.service vitrine-follow-window.service
systemctl enable serial-getty@ttyS0.service
systemctl mask getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    e2scrub_reap.service systemd-pstore.service
systemctl set-default multi-user.target
