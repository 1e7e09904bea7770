# SPDX-License-Identifier: LGPL-2.1-or-later
# What every recipe's setup.sh does first, in the new system.
echo guest >/etc/hostname
printf '127.0.0.1 localhost guest\n::1 localhost\n' >/etc/hosts
id user >/dev/null 2>&1 || useradd -m -u 1000 -s /bin/bash -G video,input,tty user
: >/etc/motd
echo LANG=C.UTF-8 >/etc/default/locale
passwd -d root >/dev/null
passwd -d user >/dev/null
echo 'LABEL=guest / ext4 noatime 0 1' >/etc/fstab
: >/etc/machine-id
! command -v fc-cache >/dev/null || fc-cache -s
# Windows on the host's desktop, where the guest is made for it.
if [ -e /etc/systemd/user/vitrine-wayland.service ]; then
    usermod -a -G render user
    systemctl --global enable vitrine-wayland.service vitrine-x11.service
fi
rm -f /etc/apt/apt.conf.d/99mmdebstrap

keep_udev_rules() { # NAME...: the only rules udev reads (fewer rules, faster start)
    mkdir -p /usr/lib/udev/rules.unused
    for rule in /usr/lib/udev/rules.d/*.rules; do
        case " $* " in
        *" $(basename "$rule" .rules) "*) ;;
        *) mv "$rule" /usr/lib/udev/rules.unused/ ;;
        esac
    done
}

use_busybox() { # as init, and as each of these programs that the packages do not bring
    ln -sf busybox /usr/bin/init
    ln -sf ../bin/busybox /usr/sbin/init
    for applet in getty ip ifconfig poweroff reboot halt free ps pgrep pkill vi less nc wget hexdump \
        lspci lsusb killall top uptime dd; do
        command -v "$applet" >/dev/null || ln -s busybox "/usr/bin/$applet"
    done
}
