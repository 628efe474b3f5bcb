"""Programs that are right, in other styles than the stages': no check may fail on them, or the check is wrong."""
