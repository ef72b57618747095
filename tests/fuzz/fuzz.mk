# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fuzzing with clang's libFuzzer: a target for each tests/fuzz/fuzz_*.c, under AddressSanitizer and
# UndefinedBehaviorSanitizer. A target links what the node does. Its corpus, pcap/corpus/NAME,
# is replayed by every test run; what fuzzing finds beyond it is under build/fuzz/corpus.

FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ:%=build/fuzz/%)
FUZZ_SECONDS ?= 20
FUZZ_SRC := $(filter-out user/main.c,$(USER_SRC)) $(MEVLOAD_PURE:$(B)/bench/mevload.o/%.o=bench/mevload/%.c)
FUZZ_OBJ := $(FUZZ_SRC:%.c=build/fuzz/obj/%.o)
FUZZ_CFLAGS := -std=gnu11 -g -O1 -Itests/plain -Itests -Ibench/mevload -Wno-address-of-packed-member \
	-fsanitize=address,undefined -fno-sanitize-recover=all

$(FUZZ_OBJ): CFLAGS := $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link
$(FUZZ_OBJ): build/fuzz/obj/%.o: %.c | $(SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)clang $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(patsubst user/%.c,build/fuzz/obj/user/%.o,$(wildcard user/stack*.c)): CPPFLAGS += $(LWIP_CFLAGS)

$(FUZZ_BIN): build/fuzz/%: tests/fuzz/fuzz_%.c $(FUZZ_OBJ)
	$(call say,FUZZ,$@)
	$(Q)clang $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d $(filter %.c %.o,$^) \
		$(LDLIBS) -lm -o $@

build/fuzz/seeds: tests/fuzz/seeds.c user/pool_table.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Itests -Iinclude -Iuser -MMD -MP -MF $@.d \
		$(filter %.c,$^) -o $@

.PHONY: fuzz fuzz-long fuzz-build fuzz-corpus
fuzz-build: $(FUZZ_BIN) build/fuzz/seeds

fuzz: fuzz-build ## fuzz each target for FUZZ_SECONDS (20)
	$(Q)tests/fuzz/fuzz.py run --seconds $(FUZZ_SECONDS) $(FUZZ)

fuzz-long: fuzz-build ## the same for FUZZ_MINUTES (60) each
	$(Q)tests/fuzz/fuzz.py run --seconds $$(($(or $(FUZZ_MINUTES),60) * 60)) $(FUZZ)

fuzz-corpus: fuzz-build ## reduce what fuzzing found into pcap/corpus
	$(Q)tests/fuzz/fuzz.py keep $(FUZZ)

tests: fuzz-build
-include $(wildcard build/fuzz/*.d) $(shell find build/fuzz/obj -name '*.d' 2>/dev/null)
