; Workflows and steps, by their names.
(block_mapping_pair
  key: (flow_node (plain_scalar (string_scalar) @context))
  value: (flow_node) @name
  (#any-of? @context "workflowId" "stepId")) @item
