#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the new system, after the packages and our files are in place.
set -e
. /root/setup-common.sh
use_busybox
