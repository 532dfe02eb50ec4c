#!/bin/bash
# Becomes the systemd of a machine of its own: the files of this machine under an overlay in memory, and loopback as its only network.
# To be run by `unshare` in new namespaces of mounts, processes, network, IPC, host name and control groups. $1: an empty folder.
set -euo pipefail
mount -t tmpfs overlay "$1"
mkdir "$1"/{upper,work,root}
mount -t overlay machine -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs run run
mount -t tmpfs tmp tmp
mount -t tmpfs dev dev
for name in null zero full random urandom tty; do
  touch "dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs cgroup sys/fs/cgroup
mkdir sys/fs/cgroup/{unified,systemd}
mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd systemd sys/fs/cgroup/systemd
ip link set lo up
# What this machine starts by itself is not wanted there.
rm -f etc/systemd/system/*.wants/*
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot . /lib/systemd/systemd --system --log-target=journal
