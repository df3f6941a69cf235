#!/usr/bin/env bash
# The disconnected side of a rehearsal by byok-offline for arm64, on Debian's kernel for
# arm64 in an emulated computer without a network, with Debian's SoftHSM: what qemu's
# user mode cannot show (see arm64.sh), seccomp and Landlock, works there. The toolset
# goes in, and packages and record come out, by way of memory and of the serial line;
# the connected side and its vault are this computer's. Minutes.
#
# usage: scripts/arm64-kernel.sh       GO and BUILD_TAGS as in the Makefile
#
# shellcheck disable=SC2154 # ceremony.sh sets what it gives
set -euo pipefail
# shellcheck disable=SC2034 # ceremony.sh reads it
module=/usr/lib/softhsm/libsofthsm2.so
# shellcheck source=scripts/ceremony.sh
. "$(dirname "${BASH_SOURCE[0]}")/ceremony.sh"

go=${GO:-go}
tags=${BUILD_TAGS:?run "make test-arm64-kernel"}
work=$demo/work
bin=$work/bin
mkdir "$work"
(
	cd "$root"
	GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc "$go" build -trimpath -tags "$tags" -o "$work/byok-offline" ./cmd/byok-offline
	"$go" build -trimpath -tags "$tags" -o "$bin/" ./cmd/byok-online
	scripts/arm64-root.sh "$work/debian" linux-image-arm64 busybox-static libsofthsm2 libssl3 libstdc++6 libgcc-s1 libc6
)

# What the emulated computer does: a line a command, in ceremony's folder.
steps=$work/steps
offline() { printf '%q ' byok-offline "$@" >>"$steps"; echo >>"$steps"; }
read_hknso() { :; } # not known yet

prepare_toolset
offline confine status
offline module check --module-path "$module"
make_world
make_key
offline acl modify --ident "$ident" -k "$kek" -w "$world" --key-friendly-name "$name" --pin-file secrets/pin \
	"${quorum[@]}" "${said[@]}" --approve-unseen
offline package --ident "$ident" --pin-file secrets/pin --subscription-id 00000000-0000-0000-0000-000000000000 --out usb
offline world check --pin-file secrets/pin
offline ceremony bundle --pin-file secrets/pin --from offline/tools --from usb --out usb/bundle
offline ceremony verify

# Its first and only file system: a shell, the program, the library, and the ceremony's
# folder. All of it is in memory.
disk=$work/disk
mkdir -p "$disk"/{bin,dev,etc,proc,root,sys,tmp} "$disk/usr/lib"
cp "$work/debian/bin/busybox" "$work/byok-offline" "$disk/bin/"
cp -a "$work/debian/lib" "$disk/"
rm -rf "$disk/lib/modules"
cp -a "$work/debian/usr/lib/"{aarch64-linux-gnu,softhsm} "$disk/usr/lib/"
mkdir "$disk/ceremony"
cp -a card1 card2 card3 offline secrets tokens usb "$disk/ceremony/"
printf 'directories.tokendir = /ceremony/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' >"$disk/etc/softhsm2.conf"
{
	cat <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root SOFTHSM2_CONF=/etc/softhsm2.conf BYOK_KMDATA=/ceremony/offline/kmdata
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
cd /ceremony
off() {
	sleep 2 # until the serial line has said everything
	poweroff -f
}
did() {
	echo "offline$ $*"
	"$@" || { echo "status $?"; off; }
}
END
	sed 's/^/did /' "$steps"
	cat <<'END'
byok-offline world info --output json >usb/world.json
echo "what comes out:"
tar -c usb | gzip | base64
echo "all of it"
off
END
} >"$disk/init"
chmod 755 "$disk/init"
(cd "$disk" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/disk.gz"

step "2. to 4. The disconnected workstation, an arm64"
# Its clock counts instructions, two nanoseconds each: however busy this computer is, what
# has a time limit there keeps it.
emulator=(qemu-system-aarch64 -machine virt -cpu "max,pauth-impdef=on" -icount "shift=1,sleep=off" -m 1024 -nic none
	-display none -monitor none -serial stdio -no-reboot)
timeout 1800 "${emulator[@]}" -kernel "$work/debian/boot/vmlinuz-"* -initrd "$work/disk.gz" \
	-append "console=ttyAMA0 quiet panic=-1" </dev/null | tr -d '\r' | tee "$work/console" | sed '/^what comes out:$/,/^all of it$/d'
grep -q '^all of it$' "$work/console" || { echo "the emulated computer did not finish"; exit 1; }
sed '1,/^what comes out:$/d; /^all of it$/,$d' "$work/console" | base64 -d | tar -xz -C "$demo"
cp usb/KeyTransferPackage-* online/
hknso=$(field "$(cat usb/world.json)" hknso)

step "5. Connected workstation: upload, proof, and the record"
package=KeyTransferPackage-$name
online upload "online/$package".byok --hknso "$hknso" --rehearsal "$demo/vault" --vault "$vault" --name "$name" --yes
online verify --rehearsal "$demo/vault" --vault "$vault" --name "$name" --hknso "$hknso" --manifest "online/$package".manifest.json
sh usb/bundle/check.sh "$hknso"
show_result
