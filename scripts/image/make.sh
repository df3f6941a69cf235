#!/usr/bin/env bash
# Makes the image, inside the root of tools: image.sh runs it there, and nobody else.
# /work/root has the packages installed, /work/parts those that are only unpacked,
# /work/here this folder, /work/in the program and the vendor's files.
set -euo pipefail
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH
work=/work
here=$work/here
root=$work/root
iso=$work/iso
early=$work/early

# What a module imports that drives a network device, or opens a way to a network.
networking='register_netdev|register_netdevice|alloc_netdev_mqs|alloc_etherdev_mqs|devm_alloc_etherdev_mqs|netif_rx|sock_register|proto_register|dev_add_pack|sock_create_kern|hci_register_dev|wiphy_register|usbnet_probe|rtnl_link_register|sockfd_lookup|(kernel|sock)_(send|recv)msg|cfg80211_[a-z_]*'

fail() {
	echo "image: $*" >&2
	exit 1
}

lines() { grep -v -e '^#' -e '^$' "$here/$1"; }

# fixed FOLDER: everything below has the image's time.
fixed() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }

# trim removes from the root what the image is not used for.
trim() {
	local pattern
	while read -r pattern; do
		# shellcheck disable=SC2086 # patterns
		rm -rf "${root:?}"/$pattern
	done < <(lines removed.txt)
	find "$root/usr/share/doc" -mindepth 1 ! -type d ! -name copyright -delete
	find "$root" -xdev -perm /6000 ! -name mount ! -name umount -exec chmod ug-s {} +
	rm -rf "${root:?}"/{dev,proc,sys,run,tmp,home,media,boot}
	mkdir -m 755 "$root"/{dev,proc,sys,run,tmp,home,media}
}

# drivers puts the kernel's modules into the root: those of modules.txt, what they
# depend on, and the vendor's, which are there already.
drivers() {
	local from to pattern
	from=$(echo "$work"/parts/usr/lib/modules/*)
	version=${from##*/}
	to=$root/usr/lib/modules/$version
	mkdir -p "$to"
	cp "$from"/modules.{builtin,builtin.modinfo,order} "$to"
	depmod -b "$work/parts/usr" "$version"
	while read -r pattern; do
		# shellcheck disable=SC2086 # patterns
		(cd "$from" && printf '%s\n' kernel/$pattern)
	done < <(lines modules.txt) | sort -u | grep -Fxf - <(sed 's/:.*//' "$from/modules.dep") >"$work/kept"
	awk -F '[: ]+' 'NR == FNR { keep[$0]; next } $1 in keep { for (i = 1; i <= NF; i++) if ($i) print $i }' \
		"$work/kept" "$from/modules.dep" | sort -u >"$work/all"
	(cd "$from" && xargs cp --parents -t "$to" <"$work/all")
	no_networking "$to"
	depmod -b "$root/usr" "$version"
}

# no_networking FOLDER: fails where a module imports what drives a network.
no_networking() {
	local module found
	find "$1" -name '*.ko*' | while read -r module; do
		xz -dcf "$module" >"$work/module.ko"
		nm -u "$work/module.ko" >"$work/imports" || fail "${module#"$1/"} cannot be read: a driver is .ko or .ko.xz"
		found=$(sed 's/^ *U //' "$work/imports" | grep -Ex -m 1 "$networking" || true)
		[ -z "$found" ] || fail "${module#"$1/"} imports $found: no driver of a network may be in the image"
	done
	rm "$work/module.ko"
}

# people adds the operator. Nobody has a password, root neither.
people() {
	local name
	echo "operator:x:1000:37:operator:/home/operator:/bin/bash" >>"$root/etc/passwd"
	grep -q '^operator:.*:37:' "$root/etc/group" || fail "Debian's group operator is not as expected"
	echo 'operator:!:::::::' >>"$root/etc/shadow"
	sed -i 's/^\(softhsm:.*:\)$/\1operator/' "$root/etc/group"
	grep -q '^softhsm:.*:operator$' "$root/etc/group" || fail "SoftHSM's group is not as expected"
	sed -i 's/^\([^:]*\):[^:]*:.*/\1:!:::::::/' "$root/etc/shadow"
	{
		echo '# What the operator may mount.'
		for name in sd{a..h}{,1,2} mmcblk{0..1}{,p1}; do
			echo "/dev/$name /media/$name vfat,exfat noauto,user,nosuid,nodev,noexec,uid=1000,gid=37,umask=077 0 0"
		done
	} >"$root/etc/fstab"
}

# fill puts what is ours, the program and the vendor's files into the root.
fill() {
	chmod -R u=rwX,go=rX "$here" "$work/in" # whatever it was where they came from
	cp -r "$here/root/." "$root"
	install -m 644 "$here/preload.txt" "$here/packages.txt" "$root/usr/lib/byok-image"
	install -m 755 "$work/in/byok-offline" "$root/usr/bin/byok-offline"
	ln -sf /proc/self/mounts "$root/etc/mtab"
	echo byok-offline >"$root/etc/hostname"
	: >"$root/etc/machine-id"
	people
	if [ -d "$work/in/vendor" ]; then
		# Its lib/ becomes usr/lib/, as in the root.
		tar -C "$work/in/vendor" -c . | tar -C "$root" -x --keep-directory-symlink --no-overwrite-dir
		chroot "$root" ldconfig -X
	fi
	rm -f "$root/var/cache/ldconfig/aux-cache"
	find "$root" -xdev ! -type l ! -perm 1777 -perm /022 -exec chmod go-w {} +
}

# first makes the initial file system: it holds the root, and what mounts it.
first() {
	local module
	mkdir -p "$early"/{bin,dev,modules,root}
	install -m 755 "$work/parts/usr/bin/busybox" "$early/bin/busybox"
	install -m 755 "$here/init" "$early/init"
	for module in loop squashfs; do
		find "$root/usr/lib/modules" -name "$module.ko.xz" -exec xz -dc {} + >"$early/modules/$module.ko"
	done
	fixed "$root"
	mksquashfs "$root" "$early/root.squashfs" -noappend -comp xz -no-xattrs -no-progress -quiet -processors 2
	fixed "$early"
	(cd "$early" && find . -print0 | sort -z | cpio --quiet --null --create --format=newc --reproducible --owner=0:0) >"$iso/boot/initrd"
}

# firmware makes what BIOS and UEFI start. Under UEFI it is Debian's, signed for
# Secure Boot.
firmware() {
	local efi=$work/efi
	mkdir -p "$efi/EFI/BOOT" "$iso/boot/grub"
	cp "$work/parts/usr/lib/shim/shimx64.efi.signed" "$efi/EFI/BOOT/BOOTX64.EFI"
	cp "$work/parts/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed" "$efi/EFI/BOOT/grubx64.efi"
	fixed "$efi"
	mkfs.vfat -i 62796f6b --invariant -n BYOK -C "$work/efi.img" 8192 >/dev/null
	mcopy -m -s -i "$work/efi.img" "$efi/EFI" ::
	sed "s|LINE|$line|" "$here/grub.cfg" >"$iso/boot/grub/grub.cfg"
	grub-mkimage -O i386-pc-eltorito -p /boot/grub -o "$iso/boot/grub/bios.img" \
		biosdisk iso9660 linux normal configfile serial terminal part_msdos part_gpt test echo
}

# medium makes the image: an ISO 9660 file system that starts from a stick, too.
medium() {
	mkdir -p "$iso/.disk"
	echo "byok offline image $name" >"$iso/.disk/info"
	install -m 644 "$work"/parts/boot/vmlinuz-* "$iso/boot/vmlinuz"
	install -m 644 "$here/packages.txt" "$work/files.txt" "$iso"
	fixed "$iso"
	xorriso -as mkisofs -quiet -r -V BYOK_OFFLINE -o "$work/byok-offline.iso" \
		--grub2-mbr /usr/lib/grub/i386-pc/boot_hybrid.img \
		-b boot/grub/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
		-partition_offset 16 -append_partition 2 0xef "$work/efi.img" \
		-eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot \
		"$iso"
}

# listed names each file of the root, with its SHA-256.
listed() { (cd "$root" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >"$work/files.txt"; }

# A vendor's own driver has no signature that a locked-down kernel takes.
line="quiet lsm=landlock,lockdown,yama,integrity slab_nomerge init_on_alloc=1 init_on_free=1 ipv6.disable=1"
if [ -z "$(find "$work/in" -name '*.ko*')" ]; then
	line="$line lockdown=confidentiality module.sig_enforce=1"
fi
name=$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)
mkdir -p "$iso/boot"
trim
fill
drivers
listed
first
firmware
medium
