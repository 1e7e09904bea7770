# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in a guest of the recipe newer-kernel.
echo "RELEASE $(uname -r)"
