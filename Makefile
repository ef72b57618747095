# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# mevnode: `make help` lists the targets. Everything made lies under build/.

VERSION := 0.1.0
CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PREFIX ?= /usr/local
DESTDIR ?=
# A build folder for each kind of build: SAN=address and the like set their own.
B ?= build

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

WARN := -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror
ifneq ($(findstring clang,$(CC)),)
# vmlinux.h and libxdp's headers are not ours to mend.
WARN += -Wno-address-of-packed-member
endif
OPT ?= -O3
CPPFLAGS += -D_GNU_SOURCE -DMEV_VERSION='"$(VERSION)"' -Iinclude -Iuser -Iuser/doctor -Iuser/live -I$(B) -isystem $(B)/sys
CFLAGS += -std=gnu11 -g $(OPT) $(WARN) -fno-strict-overflow -pthread
LDLIBS := -lxdp -lbpf -linih -ljansson -llwip -lcap-ng -lseccomp -lmicrohttpd -pthread

ifdef SAN
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif

ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Iinclude -I. \
	-Wall -Wextra -Werror -Wno-unused-function -Wno-address-of-packed-member

USER_SRC := $(wildcard user/*.c user/doctor/*.c user/live/*.c)
USER_OBJ := $(USER_SRC:user/%.c=$(B)/user/%.o)
LIB_OBJ := $(filter-out $(B)/user/main.o,$(USER_OBJ))
SKEL := $(B)/sys/mev_filter.skel.h $(B)/sys/mev_tx_lost.skel.h

UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_OBJ := $(UNIT_SRC:%.c=$(B)/%.o)
BPFT_SRC := $(wildcard tests/bpf/test_*.c)
BPFT_OBJ := $(BPFT_SRC:%.c=$(B)/%.o)
BPFT_BPF := $(patsubst tests/bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(wildcard tests/bpf/*.bpf.c))

.PHONY: all help
FILTERS := $(B)/bpf/mev_filter.bpf.o $(B)/bpf/mev_filter_chain.bpf.o $(B)/bpf/xdp_pass.bpf.o
all: $(B)/mevnode $(FILTERS) ## build the node and the XDP program

help: ## this text
	@awk -F':.*## ' '/^[a-z.-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- the XDP program -----------------------------------------------------------------------------

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Ibpf -MMD -MP -c $< -o $@

$(B)/bpf/mev_filter_chain.bpf.o: bpf/mev_filter.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DMEV_CHAIN -Ibpf -MMD -MP -c $< -o $@

$(B)/bpf/%.bpf.o: tests/bpf/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Ibpf -MMD -MP -c $< -o $@

$(B)/bpf/%.bpf.o: tests/vm/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Ibpf -MMD -MP -c $< -o $@

$(B)/sys/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@ 2>$@.log || { cat $@.log >&2; exit 1; }

# Types that the program uses, and enumerators of anonymous enums by one of their names.
VMLINUX_ROOTS := __u8 __u16 __u32 __u64 __s32 __s64 __be16 __be32 __wsum bool false \
	xdp_md xdp_action bpf_map_type BPF_F_MMAPABLE BPF_NOEXIST
# Made anew only when asked for by name: objects that depend on it take it as it is.
ifneq ($(filter vmlinux.h,$(MAKECMDGOALS)),)
.PHONY: vmlinux.h
endif
vmlinux.h: ## regenerate the trimmed kernel types from this kernel's BTF
	$(Q)$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c | \
		python3 scripts/vmlinux_trim.py $(VMLINUX_ROOTS) > $@.tmp && mv $@.tmp $@

# --- the node ------------------------------------------------------------------------------------

$(B)/mevnode: $(USER_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(USER_OBJ): $(B)/user/%.o: user/%.c | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -c $< -o $@

# lwIP's headers are for the stack alone.
LWIP_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags lwip))
$(patsubst user/%.c,$(B)/user/%.o,$(wildcard user/stack*.c)): CPPFLAGS += $(LWIP_CFLAGS)

# --- tests ---------------------------------------------------------------------------------------

# Criterion's macros shadow and convert; our own code is held to the full set.
TEST_CFLAGS := $(CFLAGS) -Wno-conversion -Wno-shadow -Wno-missing-prototypes -Wno-missing-field-initializers

$(UNIT_OBJ) $(BPFT_OBJ): $(B)/%.o: %.c | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(TEST_CFLAGS) -MD -MP -c $< -o $@

$(B)/unit-tests: $(UNIT_OBJ) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcriterion $(LDLIBS) -o $@

$(B)/bpf-tests: $(BPFT_OBJ) $(LIB_OBJ) | $(BPFT_BPF) $(B)/bpf/mev_filter.bpf.o
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcriterion $(LDLIBS) -o $@

.PHONY: tests test
tests: all $(B)/unit-tests $(B)/bpf-tests $(BPFT_BPF)

test: tests ## build and run every test (privileged ones need root)
	$(Q)scripts/run_tests.sh

.PHONY: test-vm
test-vm: all $(B)/bpf/bystander.bpf.o ## run on other kernels and real drivers, in QEMU guests; VM_ARGS=--help
	$(Q)B=$(B) tests/vm/run.py $(VM_ARGS)

MINUTES ?= 60
.PHONY: soak
soak: all ## load, restarts, kills, reloads for MINUTES=60, and the books at the end; SOAK_ARGS=--help
	$(Q)MEVNODE=$(B)/mevnode tests/soak/soak.py --minutes $(MINUTES) $(SOAK_ARGS)

SANITIZE = $(MAKE) --no-print-directory B=build-$(1) SAN=$(1) OPT=-O1 build-$(1)/unit-tests && \
	build-$(1)/unit-tests

.PHONY: asan ubsan
asan: ## unit tests under AddressSanitizer
	$(Q)$(call SANITIZE,address)

ubsan: ## unit tests under UndefinedBehaviorSanitizer
	$(Q)$(call SANITIZE,undefined)

# --- benchmarks ----------------------------------------------------------------------------------

BENCH :=
include bench/micro/micro.mk bench/mevload/mevload.mk bench/peers/peers.mk

# --- fuzzing -------------------------------------------------------------------------------------

include tests/fuzz/fuzz.mk

# --- threads, memory, coverage -------------------------------------------------------------------

include tests/plain/plain.mk

.PHONY: bench bench-build bench-micro
bench-build: $(B)/mevnode $(BENCH)

bench: bench-build ## compare with what people would use instead; plots; --quick: BENCH_ARGS=--quick
	$(Q)bench/run.sh $(BENCH_ARGS)

bench-micro: $(MICRO) ## micro-benchmarks, ratios last; --quick: BENCH_ARGS=--quick
	$(Q)$(MICRO) --out $(B)/bench/micro $(BENCH_ARGS)

# --- checks --------------------------------------------------------------------------------------

C_FILES := $(shell git ls-files '*.c' '*.h' '*.cc' 2>/dev/null | grep -v '^vmlinux.h$$')
HEADERS := $(wildcard include/*.h user/*.h user/doctor/*.h user/live/*.h bench/mevload/*.h bench/peers/*.h)

.PHONY: format check
format: ## apply .clang-format
	$(Q)clang-format -i $(C_FILES)

check: $(B)/user/hot_path.o $(B)/user/xsk_worker.o | $(SKEL) $(MEVLOAD_SKEL) $(MEVPEER_SKEL) ## format, static analysis, hot path's symbols, tests that documents name
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(Q)for h in $(HEADERS); do \
		$(CC) $(CPPFLAGS) -Ibench/mevload -Ibench/peers $(LWIP_CFLAGS) $(CFLAGS) -fsyntax-only -x c $$h || exit 1; done
	$(Q)scripts/check_hot_path.sh $^
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
		--inline-suppr --suppress=missingIncludeSystem -Iinclude -Iuser -Iuser/doctor -Iuser/live "-DLIBBPF_OPTS(t, n, ...)=struct t n" user \
		$(MEVLOAD_SRC) $(MEVPEER_SRC)
	$(Q)shellcheck -x scripts/*.sh scripts/*/*.sh bench/*.sh tests/vm/init .ci/run packaging/bash-completion/mevnode
	$(Q)mandoc -T lint -W warning docs/mevnode.8 >&2
	$(Q)scripts/check_citations.py
	@echo "check: clean"

# --- installing ----------------------------------------------------------------------------------

SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
INSTALL ?= install
PUT := $(INSTALL) -D -m 644
UNITS := mevnode@.service mevnode-tap@.service mevnode-pins.service
INSTALLED := sbin/mevnode $(FILTERS:$(B)/bpf/%=lib/bpf/%) lib/sysusers.d/mevnode.conf \
	share/man/man8/mevnode.8 share/bash-completion/completions/mevnode

# Anew each time: PREFIX may be another.
.PHONY: always
$(UNITS:%=$(B)/systemd/%): $(B)/systemd/%: packaging/systemd/% always
	$(Q)mkdir -p $(@D)
	$(Q)sed 's,@SBINDIR@,$(PREFIX)/sbin,g; s,@SYSCONFDIR@,$(SYSCONFDIR),g' $< > $@

.PHONY: install uninstall deb clean
install: all $(UNITS:%=$(B)/systemd/%) ## install into DESTDIR/PREFIX (/usr/local); SYSCONFDIR, UNITDIR
	$(PUT) -m 755 $(B)/mevnode $(DESTDIR)$(PREFIX)/sbin/mevnode
	$(PUT) -t $(DESTDIR)$(PREFIX)/lib/bpf $(FILTERS)
	$(PUT) docs/mevnode.8 $(DESTDIR)$(PREFIX)/share/man/man8/mevnode.8
	$(PUT) packaging/bash-completion/mevnode \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/mevnode
	$(PUT) packaging/systemd/mevnode.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/mevnode.conf
	$(PUT) -t $(DESTDIR)$(UNITDIR) $(UNITS:%=$(B)/systemd/%)
	$(PUT) docs/mevnode.ini $(DESTDIR)$(PREFIX)/share/doc/mevnode/examples/mevnode.ini
	[ -e $(DESTDIR)$(SYSCONFDIR)/mevnode/mevnode.ini ] || \
		$(PUT) docs/mevnode.ini $(DESTDIR)$(SYSCONFDIR)/mevnode/mevnode.ini

uninstall: ## remove what install put there, all but the configuration
	$(RM) $(INSTALLED:%=$(DESTDIR)$(PREFIX)/%) $(UNITS:%=$(DESTDIR)$(UNITDIR)/%)
	$(RM) -r $(DESTDIR)$(PREFIX)/share/doc/mevnode

# From a copy of what git knows, so that the sources stay as they are; DEB_OUT gets the packages.
DEB_DIR := $(abspath $(B))/deb/mevnode-$(VERSION)
DEB_OUT ?= $(B)
deb: ## Debian package, by dpkg-buildpackage, into build/
	$(Q)rm -rf $(dir $(DEB_DIR)) && mkdir -p $(DEB_DIR)
	$(Q){ git ls-files -z 2>/dev/null || find . -type f ! -path './build*' -print0; } | tar --null -T - -c | tar -x -C $(DEB_DIR)
	$(Q)mv $(DEB_DIR)/packaging/debian $(DEB_DIR)/debian
	$(Q)cd $(DEB_DIR) && env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b -rfakeroot \
		> ../build.log 2>&1 || { tail -40 ../build.log >&2; exit 1; }
	$(Q)mv $(dir $(DEB_DIR))mevnode*_$(VERSION)_*.* $(DEB_OUT)/
	@ls $(DEB_OUT)/mevnode*_$(VERSION)_*.deb

clean: ## remove everything made
	$(RM) -r build build-address build-undefined build-thread build-coverage build-clang

-include $(shell find $(B) -path $(B)/deb -prune -o -type f -name '*.d' -print 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
