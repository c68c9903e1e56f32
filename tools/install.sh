#!/usr/bin/env bash
# Installs the packages for one purpose, if any is missing: tools/install.sh build|lint|demo|test|bench
set -euo pipefail
source "$(dirname "$0")/packages.sh"

case "${1:-}" in
build) wanted=$packages_build ;;
lint) wanted="$packages_build $packages_lint" ;;
demo) wanted="$packages_build $packages_demo" ;;
test) wanted="$packages_build $packages_test" ;;
bench) wanted="$packages_build $packages_bench" ;;
*) echo "usage: ./dev install build|lint|demo|test|bench" >&2 && exit 2 ;;
esac

missing=()
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing, and this user may not install them. As root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

# Debian starts a daemon when its package is installed. The peers of our tests are started by the tests, each with its
# own folder and ports, so no start is allowed while we install. A policy that is already there is left as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '"${as_root[@]}" rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get -q update >/dev/null
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "${missing[@]}" >/dev/null
