# Completion of pannier(1) for fish. The program itself says what may stand there.
function __pannier_complete
    set -l before (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    for line in ($before[1] __complete $before[2..] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (string replace --regex -- '^--[^=]+=' '' "$current")
        else
            printf '%s\n' $line
        end
    end
end
complete --command pannier --no-files --arguments '(__pannier_complete)'
