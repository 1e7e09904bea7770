# SPDX-License-Identifier: LGPL-2.1-or-later
# Shell functions about Debian's kernel packages. The caller defines die STATUS TEXT.

le8()  { od -An -tu1 -j"$2" -N1 "$1" | tr -d ' '; }
le32() { od -An -tu4 -j"$2" -N4 "$1" | tr -d ' '; }

# extract_vmlinux BZIMAGE ELF: the kernel inside (boot protocol 2.08 and later says where it is)
extract_vmlinux() {
    local sectors offset length
    sectors=$(le8 "$1" $((0x1f1)))
    offset=$(le32 "$1" $((0x248)))
    length=$(le32 "$1" $((0x24c)))
    offset=$(((sectors + 1) * 512 + offset))
    tail -c +$((offset + 1)) "$1" | head -c "$length" >"$2.z" || true
    case $(od -An -tx1 -N4 "$2.z" | tr -d ' ') in
    fd377a58) xz -dc --single-stream <"$2.z" >"$2" 2>/dev/null || true ;;
    28b52ffd) zstd -dcq <"$2.z" >"$2" 2>/dev/null || true ;;
    1f8b*) gzip -dcq <"$2.z" >"$2" 2>/dev/null || true ;;
    *) die 69 "$1: unknown compression" ;;
    esac
    rm -f "$2.z"
    [ "$(od -An -tx1 -N4 "$2" | tr -d ' ')" = 7f454c46 ] || die 69 "$1: no ELF image inside"
}

# module_order MODULES.DEP NAME...: the files to insert, dependencies first
module_order() {
    local dep=$1
    shift
    awk -v want="$*" '
    function name(p) { sub(/.*\//, "", p); sub(/\.ko.*/, "", p); gsub(/-/, "_", p); return p }
    function visit(p,   i, n, d) {
        if (seen[p]++) return
        n = split(dep[p], d, " "); for (i = 1; i <= n; i++) visit(d[i])
        print p
    }
    { p = $1; sub(/:$/, "", p); path[name(p)] = p; $1 = ""; dep[p] = $0 }
    END { n = split(want, w, " "); for (i = 1; i <= n; i++) { m = name(w[i]); if (m in path) visit(path[m]) } }
    ' "$dep"
}
