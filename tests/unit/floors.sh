#!/bin/sh
# Fails when a file under userspace/ includes a header of a higher floor, or lies in a folder that
# has no floor. Without arguments it first shows, on a tree of its own, that it can fail.
#   floors.sh [USERSPACE_FOLDER]
set -eu

floor_of() {
    case $1 in
    core) echo 0 ;;
    diagnose | alert) echo 1 ;;
    source | serve | top) echo 2 ;;
    cli) echo 3 ;;
    *) return 1 ;;
    esac
}

# Prints what is wrong with the tree in $1; fails if there is anything.
check() {
    bad=0
    for folder in "$1"/*/; do
        name=$(basename "$folder")
        if ! floor=$(floor_of "$name"); then
            echo "$name: this folder has no floor: give it one in $0"
            bad=1
            continue
        fi
        for higher in core diagnose alert source serve top cli; do
            [ "$(floor_of "$higher")" -gt "$floor" ] || continue
            grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[\"<](\.\./)*$higher/" "$folder" ||
                continue
            echo "$name: is on floor $floor, and must not include $higher/"
            bad=1
        done
    done
    return $bad
}

# $1: pass or fail; $2: the folder of a file that includes the header $3.
expect() {
    tree=$(mktemp -d)
    mkdir -p "$tree/core" "$tree/$2"
    echo "#include \"$3\"" >"$tree/$2/file.cpp"
    if check "$tree" >/dev/null; then outcome=pass; else outcome=fail; fi
    rm -rf "$tree"
    if [ $outcome != "$1" ]; then
        echo "self-check: $3 in $2/ should $1"
        exit 1
    fi
}

self_check() {
    expect pass core core/event.h
    expect pass cli serve/api.h
    expect pass serve alert/alert.h
    expect pass serve top/top.h
    expect fail core alert/alert.h
    expect fail core ../cli/run_options.h
    expect fail alert serve/json.h
    expect fail diagnose source/procfs.h
    expect fail top cli/backend.h
    expect fail attic core/event.h
}

if [ $# -eq 0 ]; then
    self_check
    set -- "$(dirname "$0")/../../userspace"
fi
check "$1"
