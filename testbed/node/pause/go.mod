module oceans.llm/testbed/node/pause

go 1.26.0
