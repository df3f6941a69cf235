#!/usr/bin/env bash
# What check-deb.sh does in a clean Debian, as root there: installs softhsm2 and
# what is in /packages, holds the demo's ceremony as a user, types the page for
# newcomers that is in a package, and removes the packages again.
set -euo pipefail

files() { find / -xdev \( -path /proc -o -path /dev -o -path /home -o -path /tmp -o -path /var -o -path /packages \) -prune -o -print | sort; }
packages() { dpkg-query -W -f '${Package}\n'; }
apt() { apt-get -y -qq -o Acquire::Check-Valid-Until=false "$@" >/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; exit 1; }; }
apt update
apt install --no-install-recommends softhsm2
useradd -m holder
files >/tmp/before
packages >/tmp/packages.before
apt install --no-install-recommends /packages/*.deb
echo "installed: $(packages | comm -13 /tmp/packages.before - | xargs)"
for program in byok-offline byok-online check-offline; do "$program" --version | head -n 1; done
check-offline /usr/bin/byok-offline | tail -n 1
for page in byok-offline byok-online; do [ -s "/usr/share/man/man1/$page.1.gz" ] || { echo "no manual page of $page"; exit 1; }; done
su holder -s /bin/bash -c "BYOK_BIN=/usr/bin /byok/scripts/demo.sh" >/tmp/demo.log 2>&1 || { tail -n 20 /tmp/demo.log; exit 1; }
grep "^Result:" /tmp/demo.log | sort | uniq -c
tail -n 3 /tmp/demo.log
# The blocks of the page, without those of its first step, which installs.
awk '/^```/ { typed = $0 == "```sh"; n += typed; next } typed && n > 2' \
	/usr/share/doc/byok-offline/docs/rehearse-at-home.md >/tmp/page.sh
su holder -s /bin/bash -c "cd && bash -em /tmp/page.sh" >/tmp/page.log 2>&1 || { tail -n 20 /tmp/page.log; exit 1; }
[ -z "$(ls /home/holder)" ] || { echo "left behind: $(ls /home/holder)"; exit 1; }
echo "rehearse-at-home.md, word for word: $(grep -c "^Result: SUCCESS" /tmp/page.log) results"
apt purge byok-offline byok-online check-offline
files | comm -13 /tmp/before - >/tmp/left
if [ -s /tmp/left ]; then echo "left behind:"; head -n 20 /tmp/left; exit 1; fi
if packages | comm -13 /tmp/packages.before - | grep .; then echo "packages are left behind"; exit 1; fi
# shellcheck source=/dev/null
. /etc/os-release
echo "check-deb: a ceremony under $PRETTY_NAME from the packages alone; nothing of them is left"
