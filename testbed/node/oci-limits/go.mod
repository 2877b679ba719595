module oceans.llm/testbed/node/oci-limits

go 1.26.0
