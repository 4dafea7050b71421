#!/usr/bin/env bash
# boot.sh DIRECTORY: turns this process into systemd, PID 1 of a machine that has the files of this one and throws away what
# it writes. machine.py starts it in new namespaces (mounts, processes, network, System V IPC, name, cgroups), as root.
set -euo pipefail
shopt -s nullglob

directory=$1
root=$directory/root
number=0

# Disks of tests that run beside this one: their mounts were copied, and would keep them in use.
while read -r device place _; do
  case $device in
    /dev/loop* | /dev/zram*) [[ $place == / ]] || umount --lazy "$(printf '%b' "$place")" ;;
  esac
done </proc/self/mounts

# Files: those of this machine below, changes in memory above.
mount -t tmpfs -o mode=755,size=4g machine "$directory"
mkdir "$directory/changes" "$directory/scratch" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$directory/changes,workdir=$directory/scratch" machine "$root"

# Nothing of what this machine starts by itself, and nothing that a machine does for its hardware, clock and terminals. The
# journal and the temporary files are all that is left of the early boot.
units=$root/etc/systemd/system
rm -rf "${units:?}"/* "$root"/etc/rc?.d/*
for wanted in "$root"/lib/systemd/system/{sysinit,local-fs,sockets,timers,multi-user}.target.wants/*; do
  case ${wanted##*/} in
    systemd-journal*.service | systemd-journald*.socket | systemd-tmpfiles-setup.service) ;;
    *) ln -sf /dev/null "$units/${wanted##*/}" ;;
  esac
done
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
: >"$root/etc/fstab"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/machine.conf"
# Images for containers forbid packages to start their services.
rm -f "$root/usr/sbin/policy-rc.d" "$root/.dockerenv"

# What the kernel shows. The settings that it shares with this machine can be read alone.
mkdir -p "$root"/{proc,sys,run,tmp,dev}
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid,nodev run "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$root/tmp"

# The devices that any program may expect.
mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
for name in null zero full random urandom tty; do
  : >"$root/dev/$name"
  mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for name in stdin stdout stderr; do ln -s "fd/$((number++))" "$root/dev/$name"; done

# To move and to change the root works where this runs in a chroot too, where pivot_root(2) does not.
cd "$root"
mount --move . /
exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio,-syslog \
  chroot . env -i container=pannier-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
