# SPDX-License-Identifier: LGPL-2.1-or-later
# Class "drivers": each one does its work. In: DATA, DATA4K, QCOW2, PARTS (disk names), WIDTH, HEIGHT.
msix_everywhere() {
    for d in /sys/bus/virtio/devices/*; do
        n=$(ls "$(readlink -f "$d")/../msi_irqs" | wc -l)
        least "$n" 2 || return 1
    done
}
interrupt_moves() { # to the other processor, and the device still answers
    rng=$(basename /sys/bus/virtio/drivers/virtio_rng/virtio*)
    irq=$(awk -v name="$rng-input" '$NF == name { sub(":", "", $1); print $1 }' /proc/interrupts)
    for cpu in 1 0; do
        echo $((1 << cpu)) >/proc/irq/"$irq"/smp_affinity || return 1
        before=$(interrupts " $irq:" $cpu)
        dd if=/dev/hwrng of=/dev/null bs=256 count=16 2>/dev/null || return 1
        least "$(interrupts " $irq:" $cpu)" $((before + 1)) || return 1
    done
}
rng_is_ours() { is "$(cut -d. -f1 /sys/class/misc/hw_random/rng_current)" virtio_rng; }
rng_gives() {
    a=$(dd if=/dev/hwrng bs=32 count=1 2>/dev/null | md5sum)
    b=$(dd if=/dev/hwrng bs=32 count=1 2>/dev/null | md5sum)
    [ "$a" != "$b" ] && [ "$a" != "$(dd if=/dev/zero bs=32 count=1 2>/dev/null | md5sum)" ]
}
ro_disk_refuses() {
    is "$(cat /sys/block/vda/ro)" 1 || return 1
    ! dd if=/dev/zero of=/dev/vda bs=512 count=1 oflag=direct 2>/dev/null
}
disk_keeps() { # a pattern at an odd place, read again around the cache
    dd if=/dev/urandom of=/tmp/pattern bs=4096 count=33 2>/dev/null
    dd if=/tmp/pattern of=/dev/"$1" bs=4096 seek=100 conv=notrunc,fsync 2>/dev/null || return 1
    echo 3 >/proc/sys/vm/drop_caches
    dd if=/dev/"$1" of=/tmp/again bs=4096 skip=100 count=33 iflag=direct 2>/dev/null || return 1
    cmp /tmp/pattern /tmp/again
}
disk_last_sector() {
    sectors=$(cat /sys/block/"$1"/size)
    size=$(cat /sys/block/"$1"/queue/logical_block_size)
    last=$((sectors * 512 / size - 1))
    dd if=/dev/"$1" of=/dev/null bs="$size" skip=$last count=1 iflag=direct 2>/dev/null || return 1
    is "$(dd if=/dev/"$1" bs="$size" skip=$((last + 1)) count=1 2>/dev/null | wc -c)" 0
}
disk_zeroes() {
    dd if=/dev/urandom of=/dev/"$1" bs=4096 count=64 seek=512 conv=fsync 2>/dev/null
    blkdiscard -z -o $((512 * 4096)) -l $((64 * 4096)) /dev/"$1" || return 1
    is "$(dd if=/dev/"$1" bs=4096 skip=512 count=64 iflag=direct 2>/dev/null | tr -d '\0' | wc -c)" 0
}
disk_discards() {
    least "$(cat /sys/block/"$1"/queue/discard_max_bytes)" 1 || return 1
    dd if=/dev/urandom of=/dev/"$1" bs=65536 count=16 seek=64 conv=fsync 2>/dev/null
    blkdiscard -o $((64 * 65536)) -l $((16 * 65536)) /dev/"$1"
}
disk_takes_file_system() {
    mke2fs -q -F -t ext4 /dev/"$1" || return 1
    mkdir -p /mnt/data
    mount /dev/"$1" /mnt/data || return 1
    cp /usr/lib/x86_64-linux-gnu/libc.so.6 /mnt/data/copy
    echo "written by the guest" >/mnt/data/proof
    umount /mnt/data || return 1
    echo 3 >/proc/sys/vm/drop_caches
    e2fsck -fn /dev/"$1" >/dev/null || return 1
    mount -o ro /dev/"$1" /mnt/data || return 1
    cmp /mnt/data/copy /usr/lib/x86_64-linux-gnu/libc.so.6
    result=$?
    umount /mnt/data
    return $result
}
disk_takes_text() {
    printf 'written by the guest' | dd of=/dev/"$1" bs=512 seek=3 conv=sync,fsync,notrunc 2>/dev/null
}
qcow2_shows_what_is_behind() {
    is "$(dd if=/dev/"$QCOW2" bs=1M skip=24 count=1 iflag=direct 2>/dev/null | head -c 16)" "in the base file"
}
partitions_are_found() {
    grep -qx 'PARTNAME=system' /sys/block/"$PARTS"/"$PARTS"1/uevent || return 1
    grep -qx 'PARTNAME=data' /sys/block/"$PARTS"/"$PARTS"2/uevent || return 1
    is "$(cat /sys/block/"$PARTS"/"$PARTS"2/size)" 32768
}
first_partition_is_its_file() {
    is "$(head -c 21 /dev/"$PARTS"1)" "the first part's file"
}
read_only_part_refuses() {
    ! dd if=/dev/zero of=/dev/"$PARTS"1 bs=4096 count=1 oflag=direct 2>/dev/null || return 1
    first_partition_is_its_file
}
console_writes() { echo "written to hvc0 by the guest" >/dev/hvc0; }
second_serial_writes() {
    echo "written to ttyS1 by the guest" >/dev/ttyS1
}
screen_has_mode() {
    is "$(cat /sys/class/drm/card0-Virtual-1/status)" connected || return 1
    is "$(head -n 1 /sys/class/drm/card0-Virtual-1/modes)" "${WIDTH}x$HEIGHT"
}
screen_has_edid() { least "$(cat /sys/class/drm/card0-Virtual-1/edid | wc -c)" 128; }
screen_takes_pixels() { dd if=/dev/urandom of=/dev/fb0 bs=64k count=8 2>/dev/null; }
keyboard_has_keys() { grep -A 9 'Name=".*[Kk]eyboard' /proc/bus/input/devices | grep -q 'Handlers=.*kbd'; }
pointer_is_absolute() { grep -q '^B: ABS=' /proc/bus/input/devices; }
check "drivers: every virtio device uses MSI-X" msix_everywhere
check "drivers: an interrupt moves to the other processor" interrupt_moves
check "drivers: rng is the kernel's source" rng_is_ours
check "drivers: rng gives changing bytes" rng_gives
check "drivers: a read-only disk refuses writes" ro_disk_refuses
check "drivers: a disk keeps what is written" disk_keeps "$DATA"
check "drivers: a disk with blocks of 4096 keeps what is written" disk_keeps "$DATA4K"
check "drivers: a disk ends where it should" disk_last_sector "$DATA"
check "drivers: a disk with blocks of 4096 ends where it should" disk_last_sector "$DATA4K"
check "drivers: a disk writes zeroes" disk_zeroes "$DATA"
check "drivers: a disk discards" disk_discards "$DATA4K"
check "drivers: a disk takes a file system" disk_takes_file_system "$DATA"
check "drivers: a qcow2 disk shows the file it is based on" qcow2_shows_what_is_behind
check "drivers: a qcow2 disk keeps what is written" disk_keeps "$QCOW2"
check "drivers: a qcow2 disk takes text" disk_takes_text "$QCOW2"
check "drivers: the partitions of a composite disk are found" partitions_are_found
check "drivers: a partition is its file" first_partition_is_its_file
check "drivers: a read-only part of a composite disk refuses writes" read_only_part_refuses
check "drivers: a writable part keeps what is written" disk_keeps "${PARTS}2"
check "drivers: a writable part takes text" disk_takes_text "${PARTS}2"
check "drivers: the virtio console takes text" console_writes
check "drivers: the second serial port takes text" second_serial_writes
check "drivers: the screen has the mode asked for" screen_has_mode
check "drivers: the screen has an EDID" screen_has_edid
check "drivers: the screen takes pixels" screen_takes_pixels
check "drivers: there is a keyboard" keyboard_has_keys
check "drivers: there is an absolute pointer" pointer_is_absolute
check "core: the kernel has nothing to complain about" kernel_is_content
