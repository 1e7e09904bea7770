#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# make-initrd.sh OUTPUT [MODULE.ko...]: a busybox initrd whose init does what vt.do= on the kernel command line says.
set -eu
output=$1
shift
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/modules" "$root/tmp"
busybox=$(command -v busybox)
cp "$busybox" "$root/bin/busybox"
n=0
for module; do
    n=$((n + 1))
    cp "$module" "$root/modules/$n-${module##*/}"
done
cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for m in $(ls /modules | sort -n); do m=/modules/$m; [ -e "$m" ] && insmod "$m"; done
what=poweroff
for word in $(cat /proc/cmdline); do
    case $word in vt.do=*) what=${word#vt.do=} ;; esac
done
read -r up rest </proc/uptime
echo "USERLAND uptime=$up cpus=$(grep -c ^processor /proc/cpuinfo) memory=$(grep MemTotal /proc/meminfo | tr -s ' ' | cut -d' ' -f2)"
echo "CLOCK $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
case $what in
info)
    dmesg
    cat /proc/interrupts /proc/iomem /proc/ioports
    ls /sys/bus/pci/devices
    date -u
    poweroff -f ;;
reboot) reboot -f ;;
devices)
    ls -l /sys/bus/virtio/devices /sys/bus/pci/devices
    cat /sys/class/misc/hw_random/rng_current
    head -c 16 /dev/hwrng | hexdump -C
    if [ -e /dev/vda ]; then
        dd if=/dev/vda bs=64k of=/dev/null 2>&1 | tail -1
        echo "written by the guest" | dd of=/dev/vda bs=512 conv=sync,fsync seek=1 2>/dev/null
    fi
    echo "hello on the virtio console" >/dev/hvc0
    grep -E "virtio|acpi" /proc/interrupts
    sleep 0.3
    poweroff -f ;;
panic)
    echo c >/proc/sysrq-trigger ;;
button)
    cat /dev/input/event0 >/tmp/event &
    sleep 0.5
    echo WAITING
    while [ ! -s /tmp/event ]; do
        sleep 0.2
    done
    grep acpi /proc/interrupts
    echo PRESSED
    poweroff -f ;;
shell)
    setsid cttyhack sh
    poweroff -f ;;
*) poweroff -f ;;
esac
INIT
chmod 755 "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$output"
