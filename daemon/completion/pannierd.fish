# Completion of pannierd(8) for fish. Options are those of its help.
for line in (pannierd --help 2>/dev/null | string match --regex '^  (?:-h,)?--.*')
    set -l parts (string match --regex -- '--(\S+)(?: ([A-Z]+))?\s\s+(.*)' $line)
    set -l value
    switch "$parts[3]"
        case FILE PATH DIR TEXT
            set value --require-parameter --force-files
        case LEVEL
            set value --exclusive --arguments 'debug info warning error'
        case '?*'
            set value --exclusive
    end
    complete --command pannierd --no-files --long-option $parts[2] $value --description $parts[4]
end
complete --command pannierd --long-option socket-group --exclusive --arguments '(__fish_complete_groups)'
