cof_fuzz(NAME fuzz_audit_record SOURCES fuzz_audit_record.c LINK audit keys base)
cof_fuzz(NAME fuzz_audit_verify SOURCES fuzz_audit_verify.c ../support/temp_dir.c
         LINK audit keys base)
