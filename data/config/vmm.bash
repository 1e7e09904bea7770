
# Files, for a word that ends with a path; the rest of the word stays.
_vmm_files() {
    local IFS=$'\n'
    compopt -o filenames 2> /dev/null
    COMPREPLY=($(compgen -f -- "$1"))
}

# Words of $2 that begin with $1; one that ends with “=” goes on. Before them stands $3, of which
# bash has taken off what ends with a break character.
_vmm_words() {
    local i
    COMPREPLY=($(compgen -P "$3" -W "$2" -- "$1"))
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"$_vmm_shown"}
    done
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
}

# The word of an option: KEY=VALUE,... or one value.
_vmm_argument() {
    local option=$1 word=$2 before=$3 pair values
    pair=${word##*,}
    before+=${word%"$pair"}
    if [[ $pair == *=* ]]; then
        values=$(_vmm_values "$option:${pair%%=*}")
        before+=${pair%%=*}=
        pair=${pair#*=}
    else
        values=$(_vmm_values "$option:")
        [[ $word == *,* ]] && values=
        [[ $values == @file && -n $pair ]] || values+=" $(_vmm_keys "$option")"
    fi
    if [[ $values == @file ]]; then
        _vmm_files "$pair"
    else
        _vmm_words "$pair" "${values/@file/}" "$before"
    fi
}

_vmm() {
    local line=${COMP_LINE:0:COMP_POINT} words word previous _vmm_shown
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    word=${words[-1]}
    previous=${words[-2]}
    _vmm_shown=${word%"${word##*[=:]}"}
    COMPREPLY=()
    if ((${#words[@]} == 2)); then
        _vmm_words "$word" "$("$1" help 2> /dev/null | _vmm_commands)" ''
    elif [[ ${words[1]} == trace && ${#words[@]} -gt 3 ]]; then
        _vmm_words "$word" "--for $("$1" trace --list 2> /dev/null | cut -d' ' -f1)" ''
    elif [[ ${words[1]} != run ]]; then
        _vmm_words "$word" "$("$1" list --all 2> /dev/null | cut -f1)" ''
        ((${#COMPREPLY[@]})) || _vmm_files "$word"
    elif [[ $word == --*=* ]]; then
        _vmm_argument "${word%%=*}" "${word#*=}" "${word%%=*}="
    elif [[ $word == -* ]]; then
        _vmm_words "$word" "$_vmm_options" ''
    else
        previous=$(_vmm_long "$previous")
        _vmm_argument "$previous" "$word" ''
        ((${#COMPREPLY[@]})) || _vmm_files "$word"
    fi
}

# The verbs in the text of `vmm help`.
_vmm_commands() {
    sed -n 's/^    \([a-z_-]*\).*/\1/p'
}

complete -F _vmm vmm
