//! How much of its rated life a storage device has used, where the machine tells it without privileges.
//!
//! | device | told by | as |
//! |---|---|---|
//! | eMMC | `device/life_time` of the device in sysfs | two estimates in tenths: `0x03` is 20 to 30 % |
//! | NVMe | nothing: its SMART log takes privileges that the recorder does not have | - |
//! | any | [`WEAR_FILE`], written by whoever has the privileges, a timer that asks `nvme smart-log` | percent |

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Where a privileged timer may put the percentage, as a decimal number.
pub const WEAR_FILE: &str = "/run/gps-denied/storage_wear_percent";
/// Devices by number in sysfs.
const DEVICES: &str = "/sys/dev/block";

/// Wear of the device that holds `path`, percent of its rated life (beyond 100 when that is over); `None`
/// where nothing tells it.
#[must_use]
pub fn wear_percent(path: &Path) -> Option<u8> {
    let number = fs::metadata(path).ok()?.dev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let device = Path::new(DEVICES).join(format!("{major}:{minor}"));
    told(Path::new(WEAR_FILE)).or_else(|| life_time(&device))
}

fn told(file: &Path) -> Option<u8> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// `device` is a disk or one of its partitions.
fn life_time(device: &Path) -> Option<u8> {
    let device = device.canonicalize().ok()?;
    let disk = [Some(device.as_path()), device.parent()]
        .into_iter()
        .flatten();
    let text = disk
        .map(|disk| disk.join("device/life_time"))
        .find_map(|file| fs::read_to_string(file).ok())?;
    let tenths = text.split_whitespace().filter_map(|estimate| {
        let digits = estimate.strip_prefix("0x")?;
        u8::from_str_radix(digits, 16).ok()
    });
    // 0 is "not defined"; the upper end of the range counts.
    let worst = tenths.max().filter(|&tenths| tenths > 0)?;
    Some(worst.saturating_mul(10))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_wear_of_an_emmc_is_the_worse_of_its_two_estimates_for_its_partitions_too() {
        let sysfs = tempfile::tempdir().unwrap();
        let partition = sysfs.path().join("block/mmcblk0/mmcblk0p1");
        fs::create_dir_all(&partition).unwrap();
        let disk = partition.parent().unwrap();
        fs::create_dir(disk.join("device")).unwrap();
        let says = |text: &str| fs::write(disk.join("device/life_time"), text).unwrap();
        let by_number = sysfs.path().join("179:1");
        symlink(&partition, &by_number).unwrap();
        says("0x02 0x03\n");
        assert_eq!(life_time(&by_number), Some(30));
        says("0x0b 0x01\n");
        assert_eq!(life_time(disk), Some(110));
        for nothing in ["0x00 0x00\n", "", "none\n"] {
            says(nothing);
            assert_eq!(life_time(&by_number), None, "{nothing}");
        }
    }

    #[test]
    fn a_number_that_somebody_put_there_is_believed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wear");
        assert_eq!(told(&file), None);
        for (text, wear) in [("7\n", Some(7)), ("x", None), ("300", None), ("", None)] {
            fs::write(&file, text).unwrap();
            assert_eq!(told(&file), wear, "{text}");
        }
    }
}
