" rigx-ls as a linter of ALE: diagnostics, completion, hover, definition, rename.
call ale#Set('toml_rigx_executable', 'rigx-ls')

function! ale_linters#toml#rigx#root(buffer) abort
  let l:file = findfile('rigx.toml', expand('#' . a:buffer . ':p:h') . ';')
  return l:file ==# '' ? '' : fnamemodify(l:file, ':p:h')
endfunction

call ale#linter#Define('toml', {
      \ 'name': 'rigx',
      \ 'lsp': 'stdio',
      \ 'executable': {b -> ale#Var(b, 'toml_rigx_executable')},
      \ 'command': '%e',
      \ 'project_root': function('ale_linters#toml#rigx#root'),
      \ })
