#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the new system, after the packages and our files are in place.
set -e
. /root/setup-common.sh
use_busybox
keep_udev_rules 50-udev-default 60-input-id 70-touchpad 71-seat 73-seat-late 80-vitrine
