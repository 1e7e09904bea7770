# SPDX-License-Identifier: LGPL-2.1-or-later
# Class "device enumeration": prints what the guest sees, for the golden list.
echo "LIST begin"
for d in /sys/bus/pci/devices/*; do
    driver=$(readlink "$d/driver")
    virtio=$(ls "$d" | grep '^virtio[0-9]')
    inner=
    [ -z "$virtio" ] || { inner=$(readlink "$d/$virtio/driver"); inner=" ${inner##*/}"; }
    echo "LIST pci ${d##*/} $(cat "$d/vendor"):$(cat "$d/device") class $(cat "$d/class") ${driver##*/}$inner"
done
for d in /sys/class/input/input*; do
    [ -e "$d/name" ] && echo "LIST input $(cat "$d/name")"
done | sort
for d in /sys/class/tty/ttyS[0-9]; do
    [ "$(cat "$d/type")" = 0 ] || echo "LIST tty ${d##*/}"
done
for d in /sys/class/virtio-ports/*; do
    echo "LIST port ${d##*/}"
done
for d in /sys/class/drm/card0-*; do
    [ ! -e "$d/status" ] || echo "LIST connector ${d##*/} $(cat "$d/status")"
done
for d in /sys/block/vd*; do
    echo "LIST disk ${d##*/} $(cat "$d/size") sectors of $(cat "$d/queue/logical_block_size") ro $(cat "$d/ro") id $(cat "$d/serial")"
done
for d in /sys/firmware/acpi/tables/[A-Z]*; do
    echo "LIST acpi ${d##*/}"
done
for d in /sys/class/rtc/rtc*; do
    echo "LIST rtc $(cat "$d/name" | sed 's/ .*//')"
done
echo "LIST end"
