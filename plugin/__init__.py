"""The component as a Pulumi plugin, for programs in all of Pulumi's languages."""
