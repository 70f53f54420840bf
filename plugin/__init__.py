"""The component for programs in any of Pulumi's languages."""
