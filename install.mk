# What `make install` puts where. DESTDIR=/some/folder only collects the files there, for packages and for looking.
DESTDIR ?=
# Debian's own interpreter: the daemon's user can run it, which is not so for one below somebody's home.
SYSTEM_PYTHON ?= /usr/bin/python3
APP := /opt/pectin
NEW = $(DESTDIR)$(APP).new
UNITS := /usr/lib/systemd/system
SHARE := /usr/share/pectin
MAN := /usr/share/man
BASH_COMPLETION := /usr/share/bash-completion/completions/pectin
ZSH_COMPLETION := /usr/share/zsh/vendor-completions/_pectin
FISH_COMPLETION := /usr/share/fish/vendor_completions.d/pectin.fish
INSTALLED := $(APP) $(SHARE) /usr/local/bin/pectin $(UNITS)/pectin.service $(UNITS)/pectin.socket $(UNITS)/pectin.slice \
	$(UNITS)/pectin@.service $(UNITS)/pectin@.socket /usr/lib/sysusers.d/pectin.conf /usr/lib/tmpfiles.d/pectin.conf \
	$(MAN)/man1/pectin.1 $(MAN)/man5/pectin.yaml.5 $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
# The package's files are the package manager's: neither overwritten nor removed behind its back.
NO_PACKAGE = @test -n "$(DESTDIR)" || test "$$(dpkg-query --show --showformat='$${db:Status-Status}' pectin 2>/dev/null)" != installed \
	|| { echo "Pectin is installed as a package here: sudo apt remove pectin comes first"; exit 1; }
ROOT_ONLY = @test -n "$(DESTDIR)" || test "$$(id -u)" = 0 || { echo "this needs root: sudo make $(firstword $(MAKECMDGOALS))"; exit 1; }

.PHONY: install install-program install-files activate uninstall deb

install: install-program install-files  ## install on this machine (sudo); configuration and films are never overwritten
	@test -n "$(DESTDIR)" || $(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) activate

# Built beside the installed one, which stays as it is when that fails; its texts already name the place it moves to. And built
# from a copy: in the checkout, files of an earlier build would slip in, and root's files would stay behind.
install-program:
	$(ROOT_ONLY)
	$(NO_PACKAGE)
	@case "$(DESTDIR)" in ""|/*) ;; *) echo "DESTDIR must be an absolute path"; exit 1;; esac
	@$(SYSTEM_PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer with venv is needed: apt install python3-venv"; exit 1; }
	rm -rf "$(NEW)"
	umask 022; $(SYSTEM_PYTHON) -m venv "$(NEW)"
	umask 022; set -e; copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
		mkdir "$$copy/daemon"; cp pyproject.toml $(wildcard README.md) "$$copy"; cp -R daemon/pectin "$$copy/daemon"; \
		"$(NEW)/bin/pip" install -qq --use-pep517 --disable-pip-version-check --no-compile "$$copy[names]"
	umask 022; set -e; for shell in bash:$(BASH_COMPLETION) zsh:$(ZSH_COMPLETION) fish:$(FISH_COMPLETION); do \
		file="$(DESTDIR)$${shell#*:}"; mkdir -p "$$(dirname "$$file")"; \
		_PECTIN_COMPLETE=source_$${shell%%:*} "$(NEW)/bin/pectin" | sed '/./,$$!d' > "$$file"; test -s "$$file"; done
	umask 022; "$(NEW)/bin/python3" tools/manpages.py "$(DESTDIR)$(MAN)"
	grep -rlIF "$(NEW)" "$(NEW)/bin" "$(NEW)/pyvenv.cfg" | xargs sed -i 's|$(NEW)|$(APP)|g'
	umask 022; "$(NEW)/bin/python3" -m compileall -qf -j 0 -s "$(NEW)" -p "$(APP)" "$(NEW)/lib"
	rm -rf "$(DESTDIR)$(APP)"
	mv "$(NEW)" "$(DESTDIR)$(APP)"

install-files:
	$(ROOT_ONLY)
	install -d "$(DESTDIR)/usr/local/bin"
	ln -sfn $(APP)/bin/pectin "$(DESTDIR)/usr/local/bin/pectin"
	install -D -m 644 -t "$(DESTDIR)$(UNITS)" $(wildcard systemd/*.service systemd/*.socket systemd/*.slice)
	install -D -m 644 systemd/pectin.sysusers "$(DESTDIR)/usr/lib/sysusers.d/pectin.conf"
	install -D -m 644 systemd/pectin.tmpfiles "$(DESTDIR)/usr/lib/tmpfiles.d/pectin.conf"
	install -d "$(DESTDIR)$(SHARE)/hooks"
	for hook in hooks/*; do case $$hook in *.md) mode=644;; *) mode=755;; esac; \
		install -m $$mode "$$hook" "$(DESTDIR)$(SHARE)/hooks" || exit 1; done
	install -D -m 644 -t "$(DESTDIR)$(SHARE)" config/pectin.yaml config/pectin.schema.json
	install -D -m 644 -t "$(DESTDIR)$(SHARE)/systemd" systemd/examples/*.conf
	install -D -m 644 -t "$(DESTDIR)$(SHARE)/samba" config/samba/pectin-inbox.conf
	install -D -m 644 -t "$(DESTDIR)$(SHARE)/ssh" config/ssh/pectin-sftp.conf
	test -e "$(DESTDIR)/etc/pectin/pectin.yaml" || install -D -m 644 config/pectin.yaml "$(DESTDIR)/etc/pectin/pectin.yaml"

# The user, the folders, and systemd's attention. Safe to do again.
activate:
	$(ROOT_ONLY)
	systemd-sysusers pectin.conf
	systemd-tmpfiles --create pectin.conf
	@if test -d /run/systemd/system; then set -e; echo systemctl daemon-reload; systemctl daemon-reload; \
		echo systemctl try-restart pectin.service; systemctl try-restart pectin.service; fi
	@echo
	@echo "Pectin is installed. Next:"
	@echo "  sudo editor /etc/pectin/pectin.yaml     which inbox feeds which library; the defaults work as they are"
	@echo "  sudo usermod -aG pectin \$$USER          so that you may drop films and ask for the status (log in again)"
	@echo "  sudo systemctl enable --now pectin      start it, now and at every boot"
	@echo "  pectin doctor                           check everything, with the way to mend it"

uninstall:  ## remove what install made (sudo); configuration, state and films stay
	$(ROOT_ONLY)
	$(NO_PACKAGE)
	@if test -z "$(DESTDIR)" && test -d /run/systemd/system; then systemctl stop 'pectin@*'; \
		rm -f /etc/systemd/system/*.wants/pectin@*.service /etc/systemd/system/*.wants/pectin@*.socket; \
		systemctl disable --now pectin.service pectin.socket || test ! -e $(UNITS)/pectin.service; fi
	for one in $(INSTALLED); do rm -rf "$(DESTDIR)$$one" || exit 1; done
	@if test -z "$(DESTDIR)" && test -d /run/systemd/system; then systemctl daemon-reload; fi
	@echo "Pectin is removed. What stays: /etc/pectin (configuration), /var/lib/pectin (jobs), /srv/pectin (films and originals),"
	@echo "user pectin, groups pectin and pectin-sftp. To remove those too, once you have looked into them:"
	@echo "  sudo rm -r /etc/pectin /var/lib/pectin; sudo userdel pectin; sudo groupdel pectin-sftp"

# Built twice from the same commit and libraries it is the same twice: all times in it are at most the commit's. Those of earlier
# versions go: `apt install ./dist/pectin_*.deb` is to mean this one.
deb: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y pyproject.toml)
deb: private export DESTDIR = $(CURDIR)/build/deb
deb:  ## a Debian package in dist/, for machines with this Debian or Ubuntu and this Python
	@command -v dpkg-deb >/dev/null || { echo "dpkg-deb is needed: this makes a package for Debian and Ubuntu"; exit 1; }
	rm -rf "$(DESTDIR)"
	$(MAKE) --no-print-directory -f install.mk install-program install-files DESTDIR="$(DESTDIR)"
	rm -f dist/pectin_*.deb
	sh packaging/deb/pack "$(DESTDIR)" dist
	rm -rf "$(DESTDIR)"
