import type { Candidates, CompletedCommand, CompletedOption } from './completion-tree.js';

/** For fish 3 and later. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const valued = commands.flatMap(({ options }) => options.filter(({ value }) => value !== undefined));
  const names = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `# Completion of zk-consul-sync for fish: zk-consul-sync completion fish | source
function __zk_consul_sync_words
    # The words before the cursor that are neither options nor their values.
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word ${[...new Set(valued.flatMap(({ flags }) => flags))].join(' ')}
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __zk_consul_sync_path
    set -l words (__zk_consul_sync_words)
    if contains -- "$words[1] $words[2]" ${names.join(' ')}
        echo "$words[1] $words[2]"
    else if contains -- "$words[1]" ${names.join(' ')}
        echo $words[1]
    else
        echo ''
    end
end

function __zk_consul_sync_at
    test (__zk_consul_sync_path) = "$argv[1]"
end

# Whether the argument at this place, counted from 0, comes next; with a plus, or any later one.
function __zk_consul_sync_argument
    __zk_consul_sync_at $argv[1]; or return 1
    set -l before (math (count (__zk_consul_sync_words)) - (count (string split -n ' ' -- $argv[1])))
    test "$argv[2]" = "$before"; or begin
        test "$argv[3]" = +; and test $before -ge $argv[2]
    end
end

function __zk_consul_sync_mappings
    set -l words (commandline -opc)
    set -l config
    for at in (seq 2 (count $words))
        contains -- $words[(math $at - 1)] -c --config; and set config --config $words[$at]
    end
    zk-consul-sync completion fish --mappings $config 2>/dev/null
end

complete -c zk-consul-sync -f
${commands.flatMap(commandLines).join('\n')}
`;
}

function commandLines({ path, subcommands, options, positions, isVariadic }: CompletedCommand): string[] {
  const at = `-n "__zk_consul_sync_at ${quoted(path)}"`;
  return [
    ...subcommands.map(
      ({ name, summary }) => `complete -c zk-consul-sync ${at} -a ${name} -d ${quoted(summary)}`,
    ),
    ...options.map((option) => `complete -c zk-consul-sync ${at} ${optionWords(option)}`),
    ...positions.flatMap((candidates, place) => {
      const values = valueWords(candidates);
      const last = isVariadic && place === positions.length - 1 ? ' +' : '';
      const here = `-n "__zk_consul_sync_argument ${quoted(path)} ${place}${last}"`;
      return candidates.kind === 'anything' ? [] : [`complete -c zk-consul-sync ${here} ${values}`];
    }),
  ];
}

function optionWords({ flags, description, value }: CompletedOption): string {
  const named = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const values = value === undefined ? [] : [value.kind === 'files' ? '-r -F' : `-x ${valueWords(value)}`];
  return [...named, ...values, `-d ${quoted(description)}`].join(' ');
}

function valueWords(candidates: Candidates): string {
  if (candidates.kind === 'words') return `-a ${quoted(candidates.words.join(' '))}`;
  return candidates.kind === 'mappings' ? "-a '(__zk_consul_sync_mappings)'" : '';
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
