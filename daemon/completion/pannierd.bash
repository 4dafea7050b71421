# Completion of pannierd(8) for bash, with the functions of bash-completion. Options are those of its help.
_pannierd() {
  local cur prev words cword split help
  _init_completion -s || return
  help=$("$1" --help 2>/dev/null)
  case $prev in
    --config | --socket | --arena-file | --check-arena) _filedir ;;
    --data-dir | --repair) _filedir -d ;;
    --socket-group) _allowed_groups "$cur" ;;
    --log-level) mapfile -t COMPREPLY < <(compgen -W 'debug info warning error' -- "$cur") ;;
    *)
      # Any other value is a number of somebody's own.
      if [[ $split == true || $help == *$'\n'"  $prev "[A-Z]* ]]; then return; fi
      mapfile -t COMPREPLY < <(compgen -W "$(_parse_help - <<<"$help")" -- "$cur")
      ;;
  esac
}
complete -F _pannierd pannierd
