"""`make preview`: a stack's preview under the policy pack, as a summary for reviewers."""
