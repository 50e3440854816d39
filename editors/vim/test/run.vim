" Opens a project in Vim with ALE, sees the mistake, and finds it by :Rigx check.
function! Fail(what) abort
  call writefile(['FAIL: ' . a:what], $RESULT)
  cquit
endfunction
filetype plugin on
let g:ale_linters = {'toml': ['rigx']}
packadd ale
edit rigx.toml
if &filetype !=# 'toml'
  call Fail('the filetype is ' . &filetype)
endif
for s:i in range(300)
  let s:found = filter(ale#engine#GetLoclist(bufnr('')), 'v:val.text =~# "exexutable"')
  if !empty(s:found)
    break
  endif
  sleep 100m
endfor
if empty(s:found)
  call Fail('no diagnostic: ' . string(ale#engine#GetLoclist(bufnr(''))))
endif
silent Rigx check
let s:list = filter(getqflist(), 'v:val.valid && bufname(v:val.bufnr) =~# "rigx.toml" && v:val.lnum == 5')
if empty(s:list)
  call Fail('the quickfix list is ' . string(getqflist()))
endif
buffer rigx.toml
%s/exexutable/executable/
silent write
" Names are completed, even while the file has another mistake.
call writefile(['', '[targets.other]', 'kind = "tes"'], 'rigx.toml', 'a')
if getcompletion('Rigx build ', 'cmdline') !=# ['hello', 'smoke', 'other']
  call Fail('completion gives ' . string(getcompletion('Rigx build ', 'cmdline')))
endif
call writefile(['ok'], $RESULT)
qall!
