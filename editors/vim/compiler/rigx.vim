" rigx as Vim's compiler: `:compiler rigx`, then `:make build hello`.
if exists('current_compiler')
  finish
endif
let current_compiler = 'rigx'

CompilerSet makeprg=rigx
" Our own messages say the place in a line of its own; compilers before theirs,
" with a bar when rigx repeats the end of a log.
CompilerSet errorformat=
      \%Eerror[%\\w%#]:\ %m,
      \%Wwarning[%\\w%#]:\ %m,
      \%C\ %#-->\ %f:%l:%c,
      \%-C\ %#\|%.%#,
      \%-C%\\d%\\+\ %#\|%.%#,
      \%-C\ %#=\ %.%#,
      \%-Z,
      \%f:%l:%c:\ %trror:\ %m,
      \%f:%l:%c:\ %tarning:\ %m,
      \\ %#\|\ %f:%l:%c:\ %trror:\ %m,
      \%-G%.%#
