#!/bin/sh
# Installs zk-consul-sync as a systemd service, out of a built checkout or an unpacked npm package; see --help.
set -eu
# Many a root's own umask is 077: the daemon's user could not read its configuration then, nor anybody run the command.
umask 022

usage() {
  cat <<'TEXT'
Usage: install.sh [--dry-run] [--root DIR]
       install.sh --uninstall [--dry-run] [--root DIR]

Puts the program into /usr/local/lib/zk-consul-sync, the command into /usr/local/bin, the unit into
/etc/systemd/system, and a configuration to be edited into /etc/zk-consul-sync, unless there is one. Starts nothing.
Run again, it updates the program and the unit.

  --uninstall  stops the service, and removes the program and the unit. Configuration, secrets and archive stay
  --dry-run    says what it would do, and does nothing
  --root DIR   works below DIR, for packages and images: without root, and without asking systemd for anything
TEXT
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

action=install
dry_run=no
root=
while [ $# -gt 0 ]; do
  case $1 in
    --uninstall) action=uninstall ;;
    --dry-run) dry_run=yes ;;
    --root)
      [ $# -gt 1 ] || fail '--root needs a directory' 2
      root=${2%/}
      shift
      [ -d "$root" ] || fail "--root: $root is not a directory" 2
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      fail "unknown argument: $1" 2
      ;;
  esac
  shift
done

source=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
library=/usr/local/lib/zk-consul-sync
link=/usr/local/bin/zk-consul-sync
unit=/etc/systemd/system/zk-consul-sync.service
settings=/etc/zk-consul-sync
archive=/var/lib/zk-consul-sync
# Where systemd looks for programs: what a shell of root's finds elsewhere, the service does not.
service_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Says each step, and takes it unless this is a dry run.
run() {
  printf '%s\n' "$*"
  [ "$dry_run" = yes ] || "$@"
}

systemd() {
  [ -n "$root" ] || run systemctl "$@"
}

check_machine() {
  [ -f "$source/dist/main.js" ] || fail "$source/dist/main.js does not exist: run npm ci && npm run build first"
  [ -n "$root" ] && return
  command -v systemctl >/dev/null || fail 'this machine has no systemd: there is no systemctl'
  node=$(PATH=$service_path command -v node) ||
    fail "node is in none of $service_path, which is where systemd looks for it: install Node 20.19 or later there"
  "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "$node is $("$node" --version): Node 20.19 or later is needed"
}

# Copies the packages that the program needs at run time, and none that only its development does.
copy_packages() {
  [ -d "$source/node_modules" ] || {
    npm install --prefix "$1" --omit=dev --ignore-scripts --no-audit --no-fund --no-package-lock >&2
    return
  }
  (cd "$source" && npm ls --omit=dev --all --parseable) | while IFS= read -r path; do
    package=${path#"$source"/}
    # The first line is the checkout itself.
    [ "$package" != "$path" ] || continue
    mkdir -p "$1/$(dirname "$package")"
    cp -R "$source/$package" "$1/$(dirname "$package")/"
  done
}

# Makes the new program beside the old one, so that there is always a complete one.
copy_program() {
  new=$root$library.new
  rm -rf "$new"
  mkdir -p "$new"
  cp -R "$source/dist" "$source/package.json" "$source/config.schema.json" "$source/config.example.yaml" "$new/"
  copy_packages "$new"
  node "$new/dist/main.js" --version >/dev/null || fail "what was copied to $new does not run"
  # Others read and run it; none but root writes it.
  chmod -R u=rwX,go=rX "$new"
  [ -n "$root" ] || chown -R root:root "$new"
  rm -rf "$root$library.old"
  [ ! -e "$root$library" ] || mv "$root$library" "$root$library.old"
  mv "$new" "$root$library"
  rm -rf "$root$library.old"
}

install_all() {
  check_machine
  printf 'copy the program to %s\n' "$root$library"
  [ "$dry_run" = yes ] || copy_program
  run mkdir -p "$root/usr/local/bin" "$root/etc/systemd/system" "$root$settings"
  run ln -sfn "$library/dist/main.js" "$root$link"
  run install -m 644 "$source/deploy/systemd/zk-consul-sync.service" "$root$unit"
  run install -d -m 700 "$root$settings/secrets"
  if [ -e "$root$settings/config.yaml" ]; then
    printf 'keep %s\n' "$root$settings/config.yaml"
  else
    run install -m 644 "$source/config.example.yaml" "$root$settings/config.yaml"
  fi
  systemd daemon-reload
  [ "$dry_run" = yes ] || tell_what_is_next
}

tell_what_is_next() {
  cat <<TEXT

Installed. What is next:
  edit $settings/config.yaml; secrets go into files in $settings/secrets
  zk-consul-sync check     tries stores and permissions
  zk-consul-sync plan      says what a start would do
  systemctl enable --now zk-consul-sync     the first time, or
  systemctl restart zk-consul-sync          after an update
TEXT
}

uninstall_all() {
  if [ -e "$root$unit" ]; then
    systemd disable --now zk-consul-sync
  fi
  run rm -rf "$root$unit" "$root$link" "$root$library"
  systemd daemon-reload
  printf 'What stays: %s, with secrets, and the archive, %s (in %s). ' "$settings" "$archive" /var/lib/private
  printf 'Ledgers in the stores stay as well: see docs/operations.md, "The end".\n'
}

if [ -z "$root" ] && [ "$dry_run" = no ] && [ "$(id -u)" -ne 0 ]; then
  fail 'has to be run by root; --dry-run says what it would do'
fi
"${action}_all"
