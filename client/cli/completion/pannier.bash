# Completion of pannier(1) for bash, with the functions of bash-completion. The program itself says what may stand there.
_pannier() {
  local cur prev words cword split line candidate before=
  _init_completion -s -n : || return
  # Of "--option=VALUE", bash replaces what is behind the equals sign.
  if [[ $split == true ]]; then before=${words[cword]%%=*}=; fi
  while IFS= read -r line; do
    candidate=${line%%$'\t'*}
    if [[ $line == :files ]]; then
      _filedir
    elif [[ $candidate == "$before$cur"* ]]; then
      COMPREPLY+=("$(printf %q "${candidate#"$before"}")")
    fi
  done < <("$1" __complete "${words[@]:1:cword}" 2>/dev/null)
  __ltrim_colon_completions "$cur"
}
complete -F _pannier pannier
