# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What to compare with. Every bench/peers/*.c is part of mevpeer, every *.bpf.c there has a skeleton.

MEVPEER := $(B)/bench/mevpeer
MEVPEER_SRC := $(filter-out %.bpf.c,$(wildcard bench/peers/*.c))
MEVPEER_OBJ := $(MEVPEER_SRC:bench/peers/%.c=$(B)/bench/mevpeer.o/%.o)
MEVPEER_SKEL := $(patsubst bench/peers/%.bpf.c,$(B)/sys/%.skel.h,$(wildcard bench/peers/*.bpf.c))
BENCH += $(MEVPEER)

$(B)/bpf/%.bpf.o: bench/peers/%.bpf.c
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(MEVPEER_OBJ): CPPFLAGS += -Ibench/peers
$(MEVPEER_OBJ): $(B)/bench/mevpeer.o/%.o: bench/peers/%.c | $(SKEL) $(MEVPEER_SKEL)
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(MEVPEER): $(MEVPEER_OBJ) $(LIB_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

tests: $(MEVPEER)
