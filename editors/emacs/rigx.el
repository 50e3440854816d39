;;; rigx.el --- Build, test and run the targets of a rigx.toml -*- lexical-binding: t -*-

;; Author: The rigx authors
;; Version: 0.10.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: tools, languages
;; URL: https://github.com/rigx-build/rigx
;; SPDX-License-Identifier: BSD-2-Clause

;;; Commentary:

;; (require 'rigx)
;; (add-hook 'rigx-mode-hook #'eglot-ensure)   ; or #'lsp-deferred
;;
;; Both know the server then.  M-x rigx-build, rigx-test and rigx-run complete
;; the names of targets and run in a compilation buffer.

;;; Code:

(require 'compile)
(require 'conf-mode)
(require 'json)

(defgroup rigx nil "Build, test and run the targets of a rigx.toml." :group 'tools)

(defcustom rigx-program "rigx" "The program that builds." :type 'string)
(defcustom rigx-server '("rigx-ls") "The language server and its arguments." :type '(repeat string))
(defcustom rigx-nixpkgs nil "Passed on as --nixpkgs: \"host\" means the compilers of this machine."
  :type '(choice (const nil) string))

;;;###autoload
(define-derived-mode rigx-mode conf-toml-mode "rigx"
  "For rigx.toml.")

;;;###autoload
(add-to-list 'auto-mode-alist '("/rigx\\.toml\\'" . rigx-mode))

(defun rigx--options ()
  "What the server is told at its start."
  (append (list :trusted t) (and rigx-nixpkgs (list :nixpkgs rigx-nixpkgs))))

(defvar eglot-server-programs)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               (cons 'rigx-mode (lambda (&rest _) (append rigx-server (list :initializationOptions (rigx--options)))))))

(declare-function lsp-register-client "ext:lsp-mode")
(declare-function make-lsp-client "ext:lsp-mode")
(declare-function lsp-stdio-connection "ext:lsp-mode")
(defvar lsp-language-id-configuration)
(with-eval-after-load 'lsp-mode
  (add-to-list 'lsp-language-id-configuration '(rigx-mode . "toml"))
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection (lambda () rigx-server))
                    :major-modes '(rigx-mode)
                    :initialization-options #'rigx--options
                    :server-id 'rigx)))

(defun rigx--root ()
  "The directory of the project."
  (or (locate-dominating-file default-directory "rigx.toml")
      (user-error "There is no rigx.toml here or above")))

(defun rigx-targets (&optional kinds)
  "The names of the targets, of all KINDS or of some."
  (let ((default-directory (rigx--root)) (json-array-type 'list) (json-object-type 'alist))
    (with-temp-buffer
      ;; It fails if rigx.toml has an error, but lists what is known.
      (call-process rigx-program nil (list t nil) nil "list" "--json")
      (when (zerop (buffer-size))
        (user-error "rigx.toml cannot be read; `rigx check' says why"))
      (goto-char (point-min))
      (delq nil (mapcar (lambda (target)
                          (and (or (null kinds) (member (alist-get 'kind target) kinds))
                               (alist-get 'name target)))
                        (json-read))))))

(defun rigx--run (verb target)
  "Run rigx VERB on TARGET, or on everything if that is empty."
  (let ((default-directory (rigx--root)))
    (compile (mapconcat #'shell-quote-argument
                        (append (list rigx-program verb)
                                (and rigx-nixpkgs (list "--nixpkgs" rigx-nixpkgs))
                                (and target (not (string-empty-p target)) (list target)))
                        " "))))

;;;###autoload
(defun rigx-build (target)
  "Build TARGET, or everything."
  (interactive (list (completing-read "Build (everything): " (rigx-targets))))
  (rigx--run "build" target))

;;;###autoload
(defun rigx-test (target)
  "Run the test TARGET, or all tests."
  (interactive (list (completing-read "Test (all): " (rigx-targets '("test")))))
  (rigx--run "test" target))

;;;###autoload
(defun rigx-run (target)
  "Run the script or testbed TARGET."
  (interactive (list (completing-read "Run: " (rigx-targets '("script" "testbed")) nil t)))
  (rigx--run "run" target))

(provide 'rigx)
;;; rigx.el ends here
